// Every error a user can meet: its code, HTTP status, sentence and way out. The sentences LXD's
// clients and tools match on are LXD's own; `{name}` takes a detail of that name.

export interface ErrorEntry {
  readonly status: number;
  readonly message: string;
  readonly hint?: string;
}

const table = {
  // Requests
  bad_request: { status: 400, message: "{reason}" },
  bad_body: { status: 400, message: "Invalid request body: {reason}" },
  body_too_large: { status: 413, message: "The request body is larger than {limit} bytes" },
  body_too_slow: { status: 408, message: "The request body did not come within {limit} s" },
  not_found: { status: 404, message: "not found" },
  not_implemented: { status: 501, message: "not implemented" },
  not_supported: { status: 501, message: "{what} is not supported by Berth", hint: "{hint}" },
  forbidden: { status: 403, message: "not authorized" },
  origin_refused: {
    status: 403,
    message: "not authorized",
    hint: "Pages of {origin} may not use this server. They may once it is told so: berth config set core.https_allowed_origin {origin}",
  },
  etag_mismatch: {
    status: 412,
    message: "ETag doesn't match: {expected} vs {found}",
    hint: "Somebody changed it since you read it: read it again and repeat your change.",
  },
  shutting_down: { status: 503, message: "LXD is shutting down" },
  internal: { status: 500, message: "{reason}", hint: "berthd's log has the details." },
  invalid_filter: { status: 400, message: "Invalid filter: {reason}" },

  // Operations and events
  operation_not_found: { status: 404, message: "Operation not found" },
  operation_not_running: { status: 400, message: "Only running operations can be cancelled" },
  operation_not_cancellable: { status: 400, message: "This operation can't be cancelled" },
  operation_cancelled: { status: 400, message: "Operation cancelled" },
  unknown_event_type: { status: 400, message: "\"{type}\" isn't a supported event type" },
  upgrade_missing: { status: 400, message: "Missing or invalid upgrade header" },
  websocket_expected: { status: 400, message: "This endpoint speaks websocket only: the request has no Upgrade header" },

  // Warnings
  warning_not_found: { status: 404, message: "Warning not found", hint: "See `berth warning list --all`." },
  warning_status_unknown: { status: 400, message: "Invalid warning type \"{status}\"" },
  warning_status_fixed: { status: 403, message: "Status may only be set to \"acknowledge\" or \"new\"" },

  // Other servers
  remote_unreachable: { status: 502, message: "Cannot reach {url}: {reason}", hint: "Check the address, and that the server listens there (core.https_address)." },
  remote_certificate: { status: 502, message: "{url} has another certificate than the one it is known by", hint: "Somebody may sit between, or the server has got a new one: remove the remote and add it anew." },
  remote_refused: { status: 502, message: "{url} answered: {reason}" },

  // The trust store
  certificate_not_found: { status: 404, message: "Certificate not found", hint: "See `berth config trust list` for those there are." },
  certificate_ambiguous: { status: 400, message: "More than one certificate matches \"{fingerprint}\": give more of the fingerprint" },
  certificate_exists: { status: 409, message: "Certificate already in trust store" },
  certificate_invalid: { status: 400, message: "{reason}" },
  certificate_only: { status: 403, message: "Only the certificate can be changed" },
  already_trusted: { status: 400, message: "Client is already trusted" },
  token_unknown: {
    status: 403,
    message: "No matching certificate add operation found",
    hint: "A token can be used once: ask for another one (berth config trust add --name NAME).",
  },
  token_expired: { status: 403, message: "Token has expired", hint: "Ask for another one: berth config trust add --name NAME" },
  not_listening: {
    status: 400,
    message: "Can't issue token when server isn't listening on network",
    hint: "Have it listen first: berth config set core.https_address :8443",
  },
  identity_not_found: { status: 404, message: "Identity not found", hint: "See `berth auth identity list` for those there are." },
  identity_exists: { status: 409, message: "Identity \"{name}\" already exists" },
  groups_unknown: {
    status: 400,
    message: "Berth has no groups: an identity has projects and a role",
    hint: "Give it those: berth auth identity create bearer/NAME --projects ONE,TWO --role viewer",
  },
  bearer_refused: {
    status: 403,
    message: "Failed verifying bearer token: Token is not valid",
    hint: "It was revoked, or is not of this server: ask for another one (berth auth identity token issue bearer/NAME).",
  },
  bearer_expired: {
    status: 403,
    message: "Failed verifying bearer token: Token is not valid: token is expired",
    hint: "Ask for another one: berth auth identity token issue bearer/NAME",
  },
  too_many_attempts: { status: 429, message: "Too many passwords are being tried", hint: "Wait a moment, then try again." },
  server_certificate_broken: {
    status: 500,
    message: "The server's certificate cannot be used: {reason}",
    hint: "Put a matching pair of PEM files there, or remove both for a new one to be made.",
  },
  listen_failed: { status: 400, message: "Cannot listen on {address}: {reason}", hint: "{hint}" },

  // Projects
  project_not_found: { status: 404, message: "Project not found" },
  project_exists: { status: 409, message: "A project named \"{name}\" already exists" },
  project_name_invalid: { status: 400, message: "{reason}" },
  project_default_fixed: { status: 403, message: "The 'default' project cannot be {what}" },
  project_not_empty: { status: 400, message: "Only empty projects can be {what}", hint: "It holds {held}: see berth project show {name}" },
  project_features_fixed: { status: 400, message: "{reason}" },
  project_needs_profiles: { status: 400, message: "Projects without their own profiles cannot be restricted", hint: "Set features.profiles=true, too." },
  project_limit: { status: 403, message: "{reason}", hint: "{hint}" },
  project_limit_low: { status: 400, message: "{reason}", hint: "{hint}" },
  project_restricted: { status: 403, message: "{reason}", hint: "The project is restricted by {key}, which who administers the server can change: berth project edit {project}" },
  project_conflict: { status: 400, message: "{reason}" },
  users_not_ready: { status: 503, message: "Berth is not set up yet", hint: "Who administers it gives it a storage pool first: berth admin init" },
  project_network_type: {
    status: 400,
    message: "Network type does not support non-default projects",
    hint: "With features.networks=false the project \"{project}\" uses the networks of the project default.",
  },

  // Profiles
  profile_not_found: { status: 404, message: "Profile not found" },
  profile_exists: { status: 409, message: "Profile \"{name}\" already exists" },
  profile_in_use: { status: 400, message: "Profile is currently in use" },
  profile_default_fixed: { status: 403, message: "The \"default\" profile cannot be {what}" },
  duplicate_profile: { status: 400, message: "Duplicate profile found in request", hint: "\"{name}\" is named twice: an instance has each profile once." },
  requested_profile_not_found: {
    status: 404,
    message: "Requested profile \"{name}\" doesn't exist",
    hint: "See `berth profile list`.",
  },

  // Instances
  instance_not_found: { status: 404, message: "Instance not found", hint: "See `berth list` for the names there are." },
  instance_exists: {
    status: 409,
    message: "Instance \"{name}\" already exists",
    hint: "Choose another name, or delete it first: berth delete {name}",
  },
  rebuild_running: { status: 400, message: "Instance must be stopped to be rebuilt", hint: "Stop it first: berth stop {name}" },
  move_project_running: { status: 400, message: "Instance must be stopped to move between projects statelessly", hint: "Stop it first: berth stop {name}" },
  move_running: { status: 400, message: "Instance must be stopped to move between pools statelessly", hint: "Stop it first: berth stop {name}" },
  snapshot_not_found: { status: 404, message: "Instance snapshot not found", hint: "See `berth info INSTANCE` for the snapshots it has." },
  snapshot_exists: {
    status: 409,
    message: "Snapshot \"{name}\" of instance \"{instance}\" already exists",
    hint: "Choose another name, or delete it first: berth delete {instance}/{name}",
  },
  snapshot_to_restore_missing: { status: 404, message: "Snapshot {instance}/{name} does not exist", hint: "See `berth info {instance}` for the snapshots it has." },
  backup_not_found: { status: 404, message: "Load backup from database: Instance backup not found", hint: "Backups expire: see `berth query /1.0/instances/NAME/backups` for those there are." },
  backup_exists: { status: 409, message: "Backup \"{name}\" already exists", hint: "Choose another name, or leave it out for one that is free." },
  backup_running: { status: 400, message: "Instance \"{name}\" is being backed up already", hint: "Wait for it (berth operation list), or cancel it: berth operation delete ID" },
  backup_broken: { status: 400, message: "Backup is not usable: {reason}" },
  migration_failed: { status: 500, message: "Error transferring instance data: {reason}", hint: "The instance is where it was. See the other server's log for more." },
  live_migration_unsupported: {
    status: 500,
    message: "Unable to perform container live migration. CRIU isn't installed on the {side} server",
    hint: "Berth moves no running processes: stop the instance first, or use --stateless.",
  },
  invalid_name: { status: 400, message: "Invalid {what} name \"{name}\": {reason}" },
  instance_running: { status: 400, message: "Instance is running", hint: "Stop it first, or use --force." },
  instance_already_running: { status: 400, message: "The instance is already running" },
  instance_not_running: {
    status: 400,
    message: "Instance is not running",
    hint: "Start it first: berth start {name}",
  },
  instance_already_stopped: { status: 400, message: "The instance is already stopped" },
  instance_frozen: { status: 400, message: "Instance is frozen", hint: "Resume it first: berth start {name}" },
  instance_already_frozen: { status: 400, message: "The instance is already frozen" },
  instance_not_frozen: { status: 400, message: "The instance is not frozen" },
  instance_busy: {
    status: 400,
    message: "Instance is busy running a {action} operation",
    hint: "Wait for it (berth operation list), or force a stop: berth stop --force {name}",
  },
  instance_protected: {
    status: 403,
    message: "Instance is protected from being deleted",
    hint: "berth config set {name} security.protection.delete false",
  },
  instance_start_protected: {
    status: 403,
    message: "Instance has startup protection enabled",
    hint: "berth config unset {name} security.protection.start",
  },
  no_idmap: {
    status: 500,
    message: "Root has no range of at least 65536 ids in {file}",
    hint: "Add one: echo root:1000000:1000000000 >> {file}",
  },
  no_ids_left: {
    status: 400,
    message: "Not enough uid/gid available for the container: root has no {count} ids left for \"{name}\" alone",
    hint: "Give root a larger range in /etc/subuid and /etc/subgid, or unset security.idmap.isolated.",
  },
  shift_protected: {
    status: 403,
    message: "Container is protected against filesystem shifting: the owners of its files would have to be changed",
    hint: "berth config set {name} security.protection.shift false",
  },
  start_failed: { status: 500, message: "Failed to start instance \"{name}\": {reason}", hint: "berth info {name} --show-log" },
  stop_timeout: {
    status: 500,
    message: "Failed shutting down instance, status is \"Running\": it did not stop within {timeout} s",
    hint: "Stop it at once with: berth stop --force {name}",
  },
  unknown_action: { status: 400, message: "Unknown action \"{action}\"" },
  stateful_unsupported: { status: 400, message: "Stateful stop and start (CRIU) is not supported by Berth" },
  instance_size_unknown: {
    status: 400,
    message: "Provided instance type doesn't exist: {type}",
    hint: "Say how many processors and GiB of memory it is to have, such as c2-m4 or c0.5-m1; Berth knows no types of clouds.",
  },
  instance_type_unsupported: {
    status: 400,
    message: "Instances of type \"{type}\" are not supported: Berth runs containers",
  },
  source_unsupported: { status: 400, message: "Instance source type \"{type}\" is not supported" },
  log_not_found: { status: 404, message: "Log file \"{name}\" not found" },
  invalid_log_name: { status: 400, message: "Log file name \"{name}\" not valid" },

  metadata_invalid: { status: 400, message: "Invalid metadata: {reason}" },
  template_path_missing: { status: 400, message: "missing path argument" },
  invalid_template_name: { status: 400, message: "Invalid template filename", hint: "\"{name}\" is not the name of a file: it has no folders." },
  template_not_found: { status: 404, message: "Template \"{name}\" not found", hint: "See `berth config template list` for those there are." },

  // Files of instances
  file_path_missing: { status: 400, message: "Missing path argument" },
  file_not_found: { status: 404, message: "Not Found", hint: "There is no {path} in the instance, or not the directory it is to be in." },
  file_bad_type: { status: 400, message: "Bad file type: {type}" },
  file_bad_write_mode: { status: 400, message: "Bad file write mode: {mode}" },
  file_served: {
    status: 400,
    message: "{path} lies on a file system that a program serves, and which may not answer",
    hint: "Read and write it with: berth file pull -r, berth file push -r or berth file mount",
  },
  file_special: {
    status: 400,
    message: "{path} is {kind}",
    hint: "Only files, directories and symbolic links can be read and written.",
  },
  file_refused: { status: 400, message: "{path}: {reason}" },

  // Configuration and devices
  unknown_config_key: { status: 400, message: "Unknown configuration key: {key}{suggestion}" },
  invalid_config_value: { status: 400, message: "Invalid value for \"{key}\": {reason}" },
  readonly_config_key: { status: 400, message: "Config key \"{key}\" cannot be set: it is kept by the server" },
  config_key_unsupported: { status: 400, message: "Config key \"{key}\" is not supported by Berth" },
  limit_unavailable: {
    status: 400,
    message: "\"{key}\" cannot hold: {what}",
    hint: "Unset it, or give the kernel what is missing: cgroup_enable=memory swapaccount=1 on its command line, say, or another mount of its cgroups.",
  },
  limit_in_use: {
    status: 400,
    message: "\"{key}\": {limit} is below what it uses now ({used}), and that cannot be freed",
    hint: "End something in it first, or stop it and set the limit then.",
  },
  limit_refused: { status: 400, message: "\"{key}\": the kernel refuses {value} for {file}: {reason}" },
  module_not_loaded: {
    status: 500,
    message: "Kernel module \"{name}\" could not be loaded: {reason}",
    hint: "Load it by hand, or take it out of linux.kernel_modules.",
  },
  profile_update_incomplete: {
    status: 500,
    message: "The following instances failed to update (profile change still saved):\n{failures}",
    hint: "They go on with what they had; the change holds for them from their next start.",
  },
  invalid_device: { status: 400, message: "Device validation failed for \"{device}\": {reason}" },
  root_pool_fixed: {
    status: 400,
    message: "Cannot update root disk device pool name to \"{pool}\"",
    hint: "An instance is moved there with its files: berth move NAME --storage {pool}",
  },
  root_devices: {
    status: 400,
    message: "Invalid expanded devices: Failed detecting root disk device: More than one root device found",
    hint: "Both \"{first}\" and \"{second}\" have the path /: give the one that is to count the name of the other, and it takes its place.",
  },
  disk_source_missing: {
    status: 400,
    message: "Failed add validation for device \"{device}\": Missing source path \"{source}\" for disk \"{device}\"",
    hint: "Make it first; or give the disk required=false, and it comes when its source does.",
  },
  device_start_failed: { status: 500, message: "Failed to start device \"{device}\": {reason}", hint: "{hint}" },
  no_root_device: {
    status: 400,
    message: "Failed creating instance record: No root device could be found",
    hint: "Give the default profile one (berth admin init), or name a pool: --storage POOL",
  },
  proxy_listen_failed: { status: 400, message: "Failed to start device \"{device}\": Failed listening on {address}: {reason}", hint: "{hint}" },
  proxy_forwarder_failed: { status: 500, message: "The program that serves proxy devices did not start: {reason}", hint: "Its log is in {log}." },

  // Exec
  exec_not_found: { status: 404, message: "Command not found" },
  exec_not_executable: { status: 400, message: "Command not executable" },
  exec_no_command: { status: 400, message: "No command was given to run" },
  console_busy: {
    status: 409,
    message: "This console is already connected. Force is required to take it over.",
    hint: "Take it over with: berth console --force {name}",
  },
  websocket_timeout: { status: 400, message: "Timed out waiting for websockets to connect" },

  // Images
  image_not_found: { status: 404, message: "Image not found", hint: "See `berth image list` for the images there are." },
  image_ambiguous: { status: 400, message: "More than one image matches \"{fingerprint}\": give more of the fingerprint" },
  image_exists: { status: 409, message: "Image with same fingerprint already exists" },
  image_broken: { status: 400, message: "Image is not usable: {reason}" },
  image_fingerprint_mismatch: {
    status: 400,
    message: "Image fingerprint doesn't match. Got {found} expected {expected}",
  },
  image_source_unsupported: { status: 400, message: "Image source \"{type}\" is not supported" },
  image_source_missing: { status: 400, message: "must specify one of alias or fingerprint for init from image" },
  image_remote_missing: { status: 404, message: "Failed getting remote image info: {server} has no image \"{name}\"", hint: "See `berth image list REMOTE:` for the images it has." },
  image_without_source: { status: 400, message: "The image was not fetched from a server by an alias: there is nothing to refresh it from" },
  image_too_large: {
    status: 400,
    message: "Image is not usable: {what} would be larger than {limit}",
    hint: "No image is unpacked to more than 4 GiB and 200 times its own size, or onto the last space of a disk.",
  },
  publish_running: { status: 400, message: "Cannot export a running instance as an image", hint: "Stop it first, or use --force to have it stopped and started again." },
  download_failed: { status: 502, message: "Failed to download {url}: {reason}", hint: "Check the address, and try again: nothing of it was kept." },
  download_mismatch: { status: 502, message: "Hash mismatch for {url}: {found} != {expected}", hint: "The server sent something else than it lists: try again later, or another server." },
  stream_broken: { status: 502, message: "{url} is no simplestreams server: {reason}" },
  architecture_unsupported: { status: 400, message: "Architecture \"{architecture}\" is not supported: this machine runs {host}" },
  alias_not_found: { status: 404, message: "Image alias not found" },
  alias_exists: { status: 409, message: "Alias \"{name}\" already exists" },

  // Recipes of images
  recipe_not_found: { status: 404, message: "There is no recipe \"{name}\"", hint: "Name a file, or one that comes with Berth: debian/12, debian/12/cloud, debian/13, busybox." },
  recipe_invalid: { status: 400, message: "{place}: {reason}", hint: "images/recipes/reference.md tells what a recipe may say." },
  recipe_step_failed: { status: 400, message: "The step \"{step}\" ({place}) ended with status {status}:\n{words}" },
  recipe_no_apt: { status: 400, message: "The root file system has no apt-get to install {packages} with", hint: "Install them by a command of its own package manager: a step of run, with network: true." },
  recipe_keyring_missing: { status: 400, message: "There is no {file} to check the signatures of {suite} with", hint: "Install it (apt install {package}), or name another: source.keyring" },
  recipe_archive_unreachable: { status: 502, message: "The archive {url} cannot be reached: {reason}", hint: "Name one that can be in source.mirror, or set the proxy that leads there: Acquire::http::Proxy in apt's configuration, or http_proxy." },
  recipe_download_failed: { status: 502, message: "{url} cannot be downloaded: {reason}" },
  recipe_hash_mismatch: { status: 400, message: "The source is another file than the recipe says: its SHA-256 is {found}, not {expected}", hint: "If it was changed for good, write the new one into the recipe." },
  root_needed: { status: 403, message: "{what} takes root: it makes files of all owners, mounts and namespaces", hint: "Run it with sudo." },

  // Networks
  network_not_found: { status: 404, message: "Network not found" },
  network_exists: { status: 409, message: "The network already exists" },
  network_in_use: { status: 400, message: "The network is currently in use" },
  network_type_unsupported: { status: 400, message: "Networks of type \"{type}\" are not supported yet" },
  network_start_failed: { status: 500, message: "Failed to start network \"{name}\": {reason}", hint: "{hint}" },
  subnet_taken: {
    status: 400,
    message: "Subnet {subnet} overlaps with {with}",
    hint: "Choose another one, or \"auto\" for one that is free.",
  },
  no_free_subnet: { status: 400, message: "Failed to automatically find an unused {family} subnet" },
  not_managed: { status: 400, message: "Network \"{name}\" is not managed by Berth" },

  // Storage
  pool_not_found: { status: 404, message: "Storage pool not found" },
  pool_exists: { status: 409, message: "The storage pool already exists" },
  volume_not_found: { status: 404, message: "Storage pool volume not found", hint: "Berth keeps volumes of instances only: see `berth list`." },
  volume_type_unknown: { status: 400, message: "Invalid storage volume type \"{type}\"", hint: "There are container, image, custom and virtual-machine." },
  pool_in_use: { status: 400, message: "The storage pool is currently in use" },
  pool_driver_unsupported: { status: 400, message: "Storage driver \"{driver}\" is not supported; use \"dir\" or \"btrfs\"" },
  root_size_too_small: { status: 400, message: "The root disk holds {used} bytes already, more than {size}", hint: "Choose a larger size, or remove files first." },
  disk_full: { status: 500, message: "No space left on the device that holds {path}", hint: "Free some space, then try again." },

  // The daemon itself
  database_newer: {
    status: 500,
    message: "{file} is of version {version}, and this berthd knows versions up to {known}: a newer Berth has written it",
    hint: "Install the newer Berth again. Or go back to what was before: move the copy {file}.v{known} to {file}, if there is one; what was made since is not in it.",
  },
  instances_running: { status: 400, message: "Instances are running: {names}", hint: "Stop them first: berthd shutdown" },

  // Host tools
  tool_missing: { status: 500, message: "{tool} was not found on this machine", hint: "Install it: apt install {package}" },
  tool_failed: { status: 500, message: "{tool} failed: {reason}" },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof table;
export const errorTable: Readonly<Record<ErrorCode, ErrorEntry>> = table;
export type Details = Readonly<Record<string, string | number>>;

function fill(template: string, details: Details): string {
  return template.replace(/\{(\w+)\}/g, (whole, key: string) => String(details[key] ?? whole));
}

/** An error meant for the user. `message` is the sentence, `cause` the technical chain behind it. */
export class BerthError extends Error {
  override readonly name = "BerthError";
  readonly code: ErrorCode;
  readonly status: number;
  readonly hint: string | undefined;
  readonly details: Details;

  constructor(code: ErrorCode, details: Details = {}, options: { cause?: unknown; message?: string; hint?: string } = {}) {
    const entry = errorTable[code];
    super(options.message ?? fill(entry.message, details), { cause: options.cause });
    this.code = code;
    this.status = entry.status;
    const hint = options.hint ?? (entry.hint === undefined ? undefined : fill(entry.hint, details));
    this.hint = hint === "" || hint?.includes("{hint}") ? undefined : hint;
    this.details = details;
  }
}

/** Makes the error of a code: `throw fail("instance_not_found", { name })`. */
export function fail(code: ErrorCode, details: Details = {}, cause?: unknown): BerthError {
  return new BerthError(code, details, { cause });
}

/** Whether an error is a BerthError of that code. */
export function isCode(error: unknown, code: ErrorCode): error is BerthError {
  return error instanceof BerthError && error.code === code;
}

/** Whether a string names an error of the table. */
export function isErrorCode(code: string | undefined): code is ErrorCode {
  return code !== undefined && Object.hasOwn(errorTable, code);
}
