// Stands in for yoga-layout, which computes layouts, in the native client. The package waits for its WebAssembly at its top level;
// what Bun compiles goes on without waiting there.
import { loadYoga } from "yoga-layout/load";

const Yoga = {};
export const ready = loadYoga().then((loaded) => Object.assign(Yoga, loaded));
export * from "yoga-layout/load";
export default Yoga;
