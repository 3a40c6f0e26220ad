// The inspector of one row, or of one call that has no row (an input or output of the model).
import { callLabel, callsOf } from "../calls";
import { extraColumn } from "../columns";
import {
  accessorOf,
  callsBehind,
  focusedCall,
  membersOf,
  settingsOf,
  settingText,
  tensorsOf,
  weightsOf,
} from "../details";
import { formatBytes, formatCount, formatShape, percent } from "../format";
import { selectOne } from "../select";
import type { ExtraColumn } from "../state";
import { list, type Payload } from "../wire";
import { useDisplay, useStore } from "./hooks";
import { Members, Neighbours } from "./inspector-links";
import { Copyable, Facts, Section, Tensors } from "./inspector-parts";
import { Weights } from "./inspector-weights";

export function RowDetails({ payload, row }: { payload: Payload; row: number }) {
  const { store } = useDisplay();
  const { focus, extra_columns } = useStore(store, "focus", "extra_columns");
  const { rows, meta } = payload;
  const path = rows.path[row] ?? "";
  const call = focusedCall(payload, path, focus);
  const group = rows.kind[row] === "group";
  const accessor = accessorOf(payload, row);
  const weights = weightsOf(payload, row, call);
  return (
    <>
      <h2>
        {(rows.label[row] || meta.name).replace(/^~/, "")}{" "}
        <span class="nbviz-type">{group ? "group" : rows.type[row]}</span>
      </h2>
      {path !== "" && <Copyable text={path} label="path" />}
      {group && <p class="nbviz-hint">Inferred from the names of the layers; it is not a layer itself.</p>}
      <Notes payload={payload} path={path} />
      <Facts entries={facts(payload, row, call, extra_columns)} />
      {call === null ? <RowShapes payload={payload} row={row} /> : <Ports payload={payload} call={call} />}
      <Uses payload={payload} path={path} focused={call} />
      {weights.length > 0 && <Weights payload={payload} row={row} weights={weights} />}
      <Neighbours payload={payload} calls={callsBehind(payload, row, focus)} />
      <SettingList payload={payload} row={row} call={call} />
      <Members payload={payload} members={membersOf(payload, row)} />
      {accessor !== "" && (
        <Section title="In Python">
          <Copyable text={accessor} label="Python" />
        </Section>
      )}
      <Source text={rows.source[row] || (call === null ? "" : payload.calls.source[call]) || ""} />
    </>
  );
}

/** An input, output or constant of the model. */
export function CallDetails({ payload, call }: { payload: Payload; call: number }) {
  const { calls } = payload;
  return (
    <>
      <h2>
        {callLabel(payload, call)} <span class="nbviz-type">{calls.kind[call]}</span>
      </h2>
      <Copyable text={calls.path[call] ?? ""} label="path" />
      <Ports payload={payload} call={call} />
      <SettingList payload={payload} row={-1} call={call} />
      <Neighbours payload={payload} calls={[call]} />
    </>
  );
}

function facts(payload: Payload, row: number, call: number | null, extras: readonly ExtraColumn[]) {
  const { rows, meta } = payload;
  const called = payload.calls.length > 0;
  // What runs in a loop around layers is in their rows; its own call tells it.
  const operation = rows.kind[row] === "operation" && call !== null && Number.isNaN(rows.macs[row]);
  const count = operation ? payload.calls.macs[call] : rows.macs[row];
  const macs = Number.isNaN(count) ? "unknown" : formatCount(count);
  const trainable = rows.trainable[row] ?? -1;
  const params = rows.params[row] ?? Number.NaN;
  const own = rows.own_params[row];
  const some = params > 0;
  const fixed = params - (rows.trainable_params[row] ?? Number.NaN);
  const share = rows.share[row];
  const added = extras.map(extraColumn);
  return [
    ["Params", rows.kind[row] === "operation" && params === 0 ? "" : paramsText(params, share)],
    ["Non-trainable", fixed > 0 ? formatCount(fixed) : ""],
    ["Own params", some && own !== params ? formatCount(own) : ""],
    ["Size", some ? formatBytes(rows.bytes[row]) : ""],
    ["MACs", called ? macs : "", meta.macs_basis],
    ["Output size", Number.isNaN(rows.output_bytes[row]) ? "" : formatBytes(rows.output_bytes[row]), meta.macs_basis],
    ["Trainable", trainable < 0 ? "" : trainable === 1 ? "yes" : "no (frozen)"],
    ["Name", rows.name[row] !== rows.path[row] && rows.name[row] !== rows.label[row] ? (rows.name[row] ?? "") : ""],
    ["Called", called && rows.order[row] === -1 && rows.kind[row] === "layer" ? "never" : ""],
    ...added.map((column) => [column.label, column.text(row)] as const),
  ] as const satisfies readonly (readonly [string, string, string?])[];
}

function paramsText(params: number, share: number | undefined): string {
  if (Number.isNaN(params)) return "unknown";
  const known = params > 0 && share !== undefined && !Number.isNaN(share);
  return `${formatCount(params)}${known ? ` · ${percent(share).replace(" ", "\u00a0")}` : ""}`;
}

function Ports({ payload, call }: { payload: Payload; call: number }) {
  const { calls } = payload;
  const inputs = tensorsOf(payload, calls.inputs, call);
  const outputs = tensorsOf(payload, calls.outputs, call);
  return (
    <>
      {inputs.length > 0 && (
        <Section title={inputs.length > 1 ? "Inputs" : "Input"}>
          <Tensors tensors={inputs} />
        </Section>
      )}
      {outputs.length > 0 && (
        <Section title={outputs.length > 1 ? "Outputs" : "Output"}>
          <Tensors tensors={outputs} />
        </Section>
      )}
      {calls.failed[call] === 1 && <p class="nbviz-failure">The forward pass stopped here.</p>}
    </>
  );
}

// Groups and uncalled layers have no call of their own to ask.
function RowShapes({ payload, row }: { payload: Payload; row: number }) {
  const texts = (which: "input_shape" | "output_shape") =>
    Array.from(list(payload.rows[which], row), (shape) => ({
      name: "",
      shape: formatShape(payload.shapes[shape] ?? null),
      dtype: which === "output_shape" ? (payload.rows.dtype[row] ?? "") : "",
    }));
  const [inputs, outputs] = [texts("input_shape"), texts("output_shape")];
  return (
    <>
      {inputs.length > 0 && (
        <Section title="Input">
          <Tensors tensors={inputs} />
        </Section>
      )}
      {outputs.length > 0 && (
        <Section title="Output">
          <Tensors tensors={outputs} />
        </Section>
      )}
    </>
  );
}

/** The calls of a shared layer; one of them is looked at. */
function Uses({ payload, path, focused }: { payload: Payload; path: string; focused: number | null }) {
  const { store } = useDisplay();
  const { calls } = payload;
  const uses = callsOf(payload, path);
  if (uses.length < 2) return null;
  return (
    <Section title="Calls" note={`${uses.length}, same weights`}>
      <ol class="nbviz-uses">
        {uses.slice(0, 100).map((call, use) => (
          <li key={call}>
            <button
              type="button"
              class="nbviz-use"
              aria-pressed={call === focused}
              title="Look at this call"
              onClick={() => selectOne(store, path, call)}
            >
              <span>#{use + 1}</span>
              <code>
                {tensorsOf(payload, calls.inputs, call)
                  .map((tensor) => tensor.shape)
                  .join(", ")}{" "}
                →{" "}
                {tensorsOf(payload, calls.outputs, call)
                  .map((tensor) => tensor.shape)
                  .join(", ")}
              </code>
            </button>
          </li>
        ))}
      </ol>
    </Section>
  );
}

function SettingList({ payload, row, call }: { payload: Payload; row: number; call: number | null }) {
  const settings = settingsOf(payload, row, call);
  if (settings.length === 0) return null;
  return (
    <Section title="Settings">
      <Facts entries={settings.map(([name, value]) => [name, settingText(value)] as const)} />
    </Section>
  );
}

function Notes({ payload, path }: { payload: Payload; path: string }) {
  if (path === "") return null;
  return (
    <>
      {payload.meta.diagnostics
        .filter((note) => note.path === path)
        .map((note) => (
          <p key={note.message} class={`nbviz-note is-${note.level}`}>
            {note.message}
          </p>
        ))}
    </>
  );
}

function Source({ text }: { text: string }) {
  if (text === "") return null;
  return (
    <Section title="Source">
      <Copyable text={text} label="source location" />
    </Section>
  );
}
