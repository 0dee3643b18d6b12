// The system calls a container may not make.

const denied = ["kexec_load", "open_by_handle_at", "init_module", "finit_module", "delete_module"];
const ENOSYS = 38;

/** The policy, in liblxc's format (version 2): what is listed is refused, all else allowed. */
export function renderSeccomp(): string {
  return ["2", "denylist", "reject_force_umount", "[all]", ...denied.map((call) => `${call} errno ${ENOSYS}`), ""].join("\n");
}
