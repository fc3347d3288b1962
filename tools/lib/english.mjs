// Patterns of English that readers parse twice. Each has uses that are good English, so they are limited, not forbidden.

/** @type {readonly { name: string; instead: string; pattern: RegExp }[]} */
const patterns = [
  { name: "told", instead: "log, emit, return, notify", pattern: /\b(?:told|tells?|telling)\b/gi },
  {
    name: "is none",
    instead: "is not a …",
    pattern: /\b(?:is|are|was|were|be) none\b|(?<!there )\b(?:is|are|was|were) no (?!longer\b|more\b|less\b)/gi,
  },
  {
    name: "headless comment",
    instead: "start with a noun or a verb",
    pattern:
      /(?:\/\*\*?|(?<!^\s*(?:\/\/|--) .*\n)^\s*(?:\/\/|--)|^\s*(?:\/\/|--|\*) .*[a-z0-9)`"][.:]|@returns|@param \S+)\s+(?:what|who|whom|whose|whoever|whatever|where|how|whether)\b(?!.*\?)/gim,
  },
  {
    name: "give back",
    instead: "refund, return",
    pattern: /\b(?:give|gives|giving|gave|given)(?:\s+(?:\/\/\s*|\*\s*)?\w+){0,4}?\s+back\b/gi,
  },
  { name: "go on", instead: "continue, resume", pattern: /\b(?:go|goes|going|went|gone) on\b/gi },
  {
    name: "of its own",
    instead: "custom, instead of, again, automatically, n",
    pattern:
      /\b(?:anew|(?:of|on) (?:its|one's|their|your|our|his) own|in place of|so many|so long|by itself|by themselves|hears? of|makes of|nobody)\b/gi,
  },
  { name: "give …", instead: "must be …, pass …", pattern: /(?<![\w-])(?<!\bto )give(?=\s)(?! or take)/gi },
];
