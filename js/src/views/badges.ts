// What is marked beside the name of a row.
import { isIdle } from "../calls";
import type { Payload } from "../wire";

export interface Badge {
  readonly text: string;
  readonly title: string;
  readonly error?: boolean;
}

const FAILED: Badge = { text: "failed", title: "The forward pass stopped here", error: true };
const NEVER: Badge = { text: "never called", title: "Part of the model, and never called" };
const NOT_REACHED: Badge = { text: "not reached", title: "Not called before the forward pass stopped" };
const FROZEN: Badge = { text: "frozen", title: "trainable = False" };

export function badgesOf(payload: Payload, row: number, failed = false): Badge[] {
  const { rows } = payload;
  const times = rows.calls[row] ?? 0;
  const found = failed ? [FAILED] : [];
  if (times > 1 && rows.kind[row] !== "group") {
    found.push({ text: `×${times}`, title: `Called ${times} times with the same weights` });
  }
  if (isIdle(payload, row)) found.push(payload.calls.failed.includes(1) ? NOT_REACHED : NEVER);
  if (rows.trainable[row] === 0 && (rows.params[row] ?? 0) > 0) found.push(FROZEN);
  return found;
}
