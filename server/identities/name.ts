// Names of identities: they stand in paths, in events and in the log.
import { fail } from "../api/errors.ts";

/** An identity is found by its id, too: no name looks like one. */
const id = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** Throws `invalid_name`. */
export function checkIdentityName(name: string): void {
  const no = (reason: string) => fail("invalid_name", { what: "identity", name: name.slice(0, 80), reason });
  if (!/^[A-Za-z\d][A-Za-z\d._@+-]{0,62}$/.test(name)) throw no("it may hold up to 63 letters, digits and . _ @ + -, and begins with a letter or digit");
  if (id.test(name)) throw no("it looks like the id of one");
}
