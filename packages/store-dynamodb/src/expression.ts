import type { AttributeValue } from "@aws-sdk/client-dynamodb";

/** The parts of a conditional update, as they come together. */
export interface Expression {
  /** The placeholder of an attribute's name. */
  name(attribute: string): string;
  /** The placeholder of a value. */
  value(value: AttributeValue): string;
  number(value: bigint | number): string;
  /** All conditions must hold. */
  require(condition: string): void;
  set(assignment: string): void;
  remove(path: string): void;
  /** What an update command takes. */
  readonly input: {
    UpdateExpression: string;
    ConditionExpression: string;
    ExpressionAttributeNames: Record<string, string>;
    ExpressionAttributeValues?: Record<string, AttributeValue>;
  };
}

export function createExpression(): Expression {
  const names = new Map<string, string>();
  const values: Record<string, AttributeValue> = {};
  const conditions: string[] = [];
  const sets: string[] = [];
  const removes: string[] = [];

  const expression: Expression = {
    name(attribute) {
      const placeholder = names.get(attribute) ?? `#${names.size}`;
      names.set(attribute, placeholder);
      return placeholder;
    },
    value(value) {
      const placeholder = `:${Object.keys(values).length}`;
      values[placeholder] = value;
      return placeholder;
    },
    number: (value) => expression.value({ N: String(value) }),
    require: (condition) => void conditions.push(`(${condition})`),
    set: (assignment) => void sets.push(assignment),
    remove: (path) => void removes.push(path),
    get input() {
      const parts = [
        ...(sets.length > 0 ? [`SET ${sets.join(", ")}`] : []),
        ...(removes.length > 0 ? [`REMOVE ${removes.join(", ")}`] : []),
      ];
      return {
        UpdateExpression: parts.join(" "),
        ConditionExpression: conditions.join(" AND "),
        ExpressionAttributeNames: Object.fromEntries([...names].map(([name, placeholder]) => [placeholder, name])),
        ...(Object.keys(values).length > 0 && { ExpressionAttributeValues: values }),
      };
    },
  };
  return expression;
}
