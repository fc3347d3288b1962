/**
 * Maps a key to one of several named places, the one with the highest weight. A weight is a hash of both names (D. G.
 * Thaler and C. V. Ravishankar, "Using name-based mappings to increase hit rates", IEEE/ACM Transactions on Networking,
 * 1998). A new place takes its share from each of the others, and no other key moves. The order of the places does not
 * matter.
 */
export function rendezvous(names: readonly string[]): (key: string) => number {
  const hashes = names.map(hashOf);
  return (key) => {
    const keyHash = hashOf(key);
    let best = 0;
    let highest = -1;
    for (let i = 0; i < hashes.length; i++) {
      const weight = mixed(keyHash ^ (hashes[i] as number));
      if (weight > highest || (weight === highest && (names[i] as string) < (names[best] as string))) {
        best = i;
        highest = weight;
      }
    }
    return best;
  };
}

/** FNV-1a over UTF-16 code units, mixed. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return mixed(hash);
}

/** The finalizer of MurmurHash3 (A. Appleby): each bit of the result depends on every bit of the input. */
function mixed(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
