/** The settings of a run, sent to the process of each case as JSON. */
export interface Settings {
  /** True for a smoke test: everything runs, but the numbers mean nothing. */
  readonly quick: boolean;
  /** How long one measurement of a rate takes. */
  readonly durationMs: number;
  /** Values from the suite's set-up, such as the address of a server. */
  readonly context: Readonly<Record<string, string>>;
}

/** A case that is ready to be measured, in a separate process. */
export interface Runner {
  /**
   * Takes one measurement: a number, or one for each row if the case has several. Rejects if a result was wrong, so
   * that only correct work is measured.
   */
  run(): Promise<number | readonly number[]>;
  stop?(): Promise<void>;
}

/** The name and unit of a measured number. */
export interface RowName {
  readonly id: string;
  readonly name: string;
  readonly unit: string;
}

/** Something to measure. */
export interface Case extends RowName {
  /** Further rows of the same measurement. */
  readonly also?: readonly RowName[];
  /**
   * True for a case whose number is not a rate and is the same each time. It is measured once after the rounds, without
   * a warm-up.
   */
  readonly once?: boolean;
  start(settings: Settings): Promise<Runner>;
}

/** A comparison of two rows. */
export interface RatioOf {
  readonly id: string;
  readonly of: string;
  /** The rows to compare with. Only the one with the largest median, the fastest, is used. */
  readonly against: readonly string[];
}

/** State that the cases of a suite share. */
export interface SetUp {
  readonly context: Readonly<Record<string, string>>;
  /** Versions of software that is not an npm package. */
  readonly versions: Readonly<Record<string, string>>;
  stop?(): Promise<void>;
}

/** Cases that are measured together, and the ratios computed from them. */
export interface Suite {
  readonly name: string;
  /** The default number of rounds. Each round measures every case once. */
  readonly rounds: number;
  readonly durationMs: number;
  /**
   * True if every round starts a new process for each case, one at a time. Default: each case has one process for all
   * rounds.
   */
  readonly freshProcesses?: boolean;
  readonly cases: readonly Case[];
  readonly ratios: readonly RatioOf[];
  /** The npm packages whose versions are in the report. */
  readonly packages: readonly string[];
  /** The Node.js binary that runs the cases. Default: the one that runs the benchmark. */
  readonly execPath?: string;
  setUp?(): Promise<SetUp>;
}
