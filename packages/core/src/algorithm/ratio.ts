/** The number of bits in a digit, chosen so that no product below exceeds 2^53. */
const DIGIT = 2 ** 15;

/**
 * `floor(a * b / divisor)`, exact for whole numbers up to 2^37 where `a` is at most `divisor`. If the product exceeds 2^53,
 * uses long division over the three digits of `b`.
 */
export function floorOfRatio(a: number, b: number, divisor: number): number {
  const product = a * b;
  if (product <= Number.MAX_SAFE_INTEGER) return Math.floor(product / divisor);
  let quotient = 0;
  let rest = 0;
  let left = b;
  for (let weight = DIGIT ** 2; weight >= 1; weight /= DIGIT) {
    const digit = Math.floor(left / weight);
    left -= digit * weight;
    const part = rest * DIGIT + a * digit;
    const whole = Math.floor(part / divisor);
    quotient = quotient * DIGIT + whole;
    rest = part - whole * divisor;
  }
  return quotient;
}
