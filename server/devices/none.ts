// A device that is none: it hides one of the same name that a profile brings.
import type { DeviceType } from "./device.ts";

export const noneDevice: DeviceType = { options: {} };
