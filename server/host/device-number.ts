// Numbers of devices, as the kernel packs them.

export interface DeviceNumber {
  major: number;
  minor: number;
}

export function makeDevice(major: number, minor: number): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)];
  return ((high & 0xfffn) << 8n) | ((high & ~0xfffn) << 32n) | (low & 0xffn) | ((low & ~0xffn) << 12n);
}

/** The two parts of a number as stat gives it. */
export function splitDevice(device: number): DeviceNumber {
  const packed = BigInt(device);
  return {
    major: Number(((packed >> 8n) & 0xfffn) | ((packed >> 32n) & ~0xfffn)),
    minor: Number((packed & 0xffn) | ((packed >> 12n) & 0xffffff00n)),
  };
}

/** MAJOR:MINOR. */
export function formatDevice(device: number): string {
  const { major, minor } = splitDevice(device);
  return `${major}:${minor}`;
}
