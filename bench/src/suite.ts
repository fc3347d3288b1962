/** The settings of a run, which are sent to the process of each case as JSON. */
export interface Settings {
  /** A smoke test: everything runs, and the numbers mean nothing. */
  readonly quick: boolean;
  /** How long one measurement of a rate takes. */
  readonly durationMs: number;
  /** The result of the suite's set-up, such as the address of a server. */
  readonly context: Readonly<Record<string, string>>;
}

/** A case that is ready to be measured, in a separate process. */
export interface Runner {
  /**
   * Takes one measurement; where the case has more rows than one, a number for each of them. Rejects when an answer was
   * not what it should be: a wrong answer has no speed.
   */
  run(): Promise<number | readonly number[]>;
  stop?(): Promise<void>;
}

/** The meaning of a number. */
export interface RowName {
  readonly id: string;
  readonly name: string;
  readonly unit: string;
}

/** Something to measure. */
export interface Case extends RowName {
  /** Other numbers of the same measurement. */
  readonly also?: readonly RowName[];
  /** Measured once, after the rounds and without a warm-up: it is not a rate, and is the same each time. */
  readonly once?: boolean;
  start(settings: Settings): Promise<Runner>;
}

/** A comparison of two rows. */
export interface RatioOf {
  readonly id: string;
  readonly of: string;
  /** The one with the largest median counts: the fastest. */
  readonly against: readonly string[];
}

/** State that a suite shares between its cases. */
export interface SetUp {
  readonly context: Readonly<Record<string, string>>;
  /** Versions of software that is not an npm package. */
  readonly versions: Readonly<Record<string, string>>;
  stop?(): Promise<void>;
}

/** Cases that are measured together, and what is concluded from them. */
export interface Suite {
  readonly name: string;
  /** How many rounds there are unless the user says otherwise. In each of them every case is measured once. */
  readonly rounds: number;
  readonly durationMs: number;
  /** True if every round has new processes, of which one is alive at a time. Default: a case has one for all rounds. */
  readonly freshProcesses?: boolean;
  readonly cases: readonly Case[];
  readonly ratios: readonly RatioOf[];
  /** npm packages whose versions the report names. */
  readonly packages: readonly string[];
  /** The Node.js that runs the cases. Default: the one that runs this. */
  readonly execPath?: string;
  setUp?(): Promise<SetUp>;
}
