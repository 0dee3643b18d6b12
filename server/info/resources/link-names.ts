// What LXD calls ports, transceivers and link modes, by the kernel's numbers.

export const portNames: ReadonlyMap<number, string> = new Map([
  [0x00, "twisted pair"], [0x01, "AUI"], [0x02, "media-independent"], [0x03, "fibre"], [0x04, "BNC"], [0x05, "direct attach"], [0xef, "none"], [0xff, "other"],
]);

export const transceiverNames: readonly string[] = ["internal", "external"];

/** Bits of a set of modes that stand for kinds of ports. */
export const portBits: ReadonlyMap<number, string> = new Map([
  [7, "twisted pair"], [8, "AUI"], [9, "media-independent"], [10, "fibre"], [11, "BNC"], [16, "backplane"],
]);

export const modeBits: ReadonlyMap<number, string> = new Map([
  [0, "10baseT/Half"], [1, "10baseT/Full"], [2, "100baseT/Half"], [3, "100baseT/Full"], [4, "1000baseT/Half"], [5, "1000baseT/Full"], [12, "10000baseT/Full"],
  [15, "2500baseX/Full"], [17, "1000baseKX/Full"], [18, "10000baseKX4/Full"], [19, "10000baseKR/Full"], [21, "20000baseMLD2/Full"], [22, "20000baseKR2/Full"],
  [23, "40000baseKR4/Full"], [24, "40000baseCR4/Full"], [25, "40000baseSR4/Full"], [26, "40000baseLR4/Full"], [27, "56000baseKR4/Full"],
  [28, "56000baseCR4/Full"], [29, "56000baseSR4/Full"], [30, "56000baseLR4/Full"], [31, "25000baseCR/Full"], [32, "25000baseKR/Full"], [33, "25000baseSR/Full"],
  [34, "50000baseCR2/Full"], [35, "50000baseKR2/Full"], [36, "100000baseKR4/Full"], [37, "100000baseSR4/Full"], [38, "100000baseCR4/Full"],
  [39, "100000baseLR4_ER4/Full"], [40, "50000baseSR2/Full"], [41, "1000baseX/Full"], [42, "10000baseCR/Full"], [43, "10000baseSR/Full"], [44, "10000baseLR/Full"],
  [45, "10000baseLRM/Full"], [46, "10000baseER/Full"], [47, "2500baseT/Full"], [48, "5000baseT/Full"],
]);
