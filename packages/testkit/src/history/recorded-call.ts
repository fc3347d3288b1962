/** The times at which a call was sent and answered, in milliseconds of a clock that all processes share. */
export interface RecordedTimes {
  readonly key: string;
  readonly sentMs: number;
  /** `Number.MAX_VALUE` if no answer came, since the call may take effect at any time. */
  readonly receivedMs: number;
}

/** A decision of a store. */
export interface RecordedConsume extends RecordedTimes {
  readonly kind: "consume";
  /** The name of the call in the history. */
  readonly id: string;
  readonly cost: number;
  /** True if the store admitted it. Admissions without the store are not recorded. */
  readonly allowed: boolean;
}

/** A refund of an earlier decision, whether or not it restored anything. */
export interface RecordedRefund extends RecordedTimes {
  readonly kind: "refund";
  /** The `id` of the refunded decision. */
  readonly of: string;
}

/** A reset of a key. */
export interface RecordedReset extends RecordedTimes {
  readonly kind: "reset";
}

/** A call of a recorded history as plain data, so that processes can send it to each other. */
export type RecordedCall = RecordedConsume | RecordedRefund | RecordedReset;
