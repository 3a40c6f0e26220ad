// What the inspector says about one thing, as plain values.
import { callSettings, callsOf } from "./calls";
import { formatShape } from "./format";
import { treeOf } from "./tree";
import { type Lists, list, type Payload, type Setting, type Settings } from "./wire";

export interface TensorText {
  readonly name: string;
  readonly shape: string;
  readonly dtype: string;
}

/** The tensors of one call's port list. */
export function tensorsOf(payload: Payload, ports: Lists, call: number): TensorText[] {
  const { tensors, shapes } = payload;
  return Array.from(list(ports, call), (tensor) => ({
    name: tensors.name[tensor] ?? "",
    shape: formatShape(shapes[tensors.shape[tensor] ?? -1] ?? null),
    dtype: tensors.dtype[tensor] ?? "",
  }));
}

/** A setting as Python writes it, without the quotes of plain words. */
export function settingText(value: Setting): string {
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (Array.isArray(value)) {
    const inner = (value as readonly Setting[]).map(settingText);
    return inner.length === 1 ? `(${inner[0]},)` : `(${inner.join(", ")})`;
  }
  return String(value);
}

/** Settings of a row in one of its calls, or of a call without a row. */
export function settingsOf(payload: Payload, row: number, call: number | null): Settings {
  const { rows, calls, settings } = payload;
  const at = (index = -1) => settings[index] ?? [];
  if (call === null) return at(rows.settings[row]);
  const own = at(callSettings(payload, call, row));
  return own.length > 0 ? own : at(calls.settings[call]);
}

/** The parameters of a layer; for an operation, those that it reads of layers around it. */
export function weightsOf({ rows, calls }: Payload, row: number, call: number | null): readonly number[] {
  return [
    ...(call !== null && rows.kind[row] === "operation" ? list(calls.parameters, call) : list(rows.parameters, row)),
  ];
}

/** The calls that a row stands for: its own, or for a group those of its members, once through. */
export function callsBehind(payload: Payload, row: number, focus: number | null): readonly number[] {
  const { rows, calls } = payload;
  if (rows.kind[row] !== "group") {
    const own = callsOf(payload, rows.path[row] ?? "");
    return focus !== null && own.includes(focus) ? [focus] : own.slice(0, 1);
  }
  const members = membersOf(payload, row).flatMap((member) =>
    rows.kind[member] === "group" ? callsBehind(payload, member, null) : callsOf(payload, rows.path[member] ?? ""),
  );
  const frame = calls.parent[members[0] ?? -1];
  return members.filter((call) => calls.parent[call] === frame);
}

/** Rows directly inside a layer or group. */
export function membersOf(payload: Payload, row: number): readonly number[] {
  return [...list(treeOf(payload.rows, true).children, row)];
}

/** The focused call of a path: the one clicked if it is one of its calls, else the first. */
export function focusedCall(payload: Payload, path: string, focus: number | null): number | null {
  const own = callsOf(payload, path);
  return focus !== null && own.includes(focus) ? focus : (own[0] ?? null);
}

/** Python that returns the layer, "" for none. */
export function accessorOf(payload: Payload, row: number): string {
  const behind = payload.rows.accessor[row] ?? "";
  if (behind !== "") return `model${behind}`;
  return payload.rows.path[row] === "" ? "model" : "";
}
