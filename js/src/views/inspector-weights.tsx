// The weights of a layer, and on demand what their values look like.
import { useEffect, useRef, useState } from "preact/hooks";
import { formatBytes, formatCount, formatNumber, formatShape } from "../format";
import { selectOne } from "../select";
import type { WeightStatistics } from "../store";
import { list, type Payload } from "../wire";
import { Histogram } from "./histogram";
import { useDisplay } from "./hooks";
import { Section } from "./inspector-parts";

const MOST = 20;

export function Weights({ payload, row, weights }: { payload: Payload; row: number; weights: readonly number[] }) {
  const { store } = useDisplay();
  return (
    <Section title="Weights">
      <ul class="nbviz-weights">
        {weights.map((parameter) => (
          <li key={parameter}>
            <Weight payload={payload} row={row} parameter={parameter} />
          </li>
        ))}
      </ul>
      {store.kernel === null && (
        <p class="nbviz-hint">Their values are not in a saved page: statistics need the notebook and its kernel.</p>
      )}
    </Section>
  );
}

function Weight({ payload, row, parameter }: { payload: Payload; row: number; parameter: number }) {
  const { store } = useDisplay();
  const { parameters, rows } = payload;
  const size = parameters.size[parameter];
  const owners = [...list(parameters.owners, parameter)];
  const others = owners.filter((owner) => owner !== row);
  const marks = [
    parameters.dtype[parameter],
    formatBytes(parameters.bytes[parameter]),
    parameters.kind[parameter] === "buffer" ? "buffer" : "",
    parameters.trainable[parameter] === 0 && parameters.kind[parameter] === "weight" ? "not trainable" : "",
  ];
  return (
    <>
      <div class="nbviz-weight">
        <strong>{parameters.name[parameter]}</strong>
        <code title={`${formatCount(size)} elements`}>
          {formatShape(payload.shapes[parameters.shape[parameter] ?? -1])}
        </code>
      </div>
      <div class="nbviz-weight nbviz-hint">
        <span>{marks.filter(Boolean).join(" · ")}</span>
      </div>
      {others.length > 0 && (
        <div class="nbviz-hint nbviz-tied">
          {owners.includes(row) ? "Tied: the same weight as in" : "Held by"}
          {others.slice(0, MOST).map((owner) => (
            <button
              key={owner}
              type="button"
              class="nbviz-link"
              title={rows.path[owner] || payload.meta.name}
              onClick={() => selectOne(store, rows.path[owner] ?? "")}
            >
              {rows.path[owner] || payload.meta.name}
            </button>
          ))}
          {others.length > MOST && <span>and {formatCount(others.length - MOST)} more</span>}
        </div>
      )}
      {store.kernel !== null && <Statistics parameter={parameter} name={parameters.name[parameter] ?? "weight"} />}
    </>
  );
}

type Asked =
  | { readonly is: "idle" }
  | { readonly is: "running"; readonly done: number }
  | { readonly is: "done"; readonly result: WeightStatistics }
  | { readonly is: "failed"; readonly message: string };

function Statistics({ parameter, name }: { parameter: number; name: string }) {
  const { store } = useDisplay();
  const [asked, setAsked] = useState<Asked>({ is: "idle" });
  const running = useRef<AbortController | null>(null);
  useEffect(() => () => running.current?.abort(), []);
  const ask = async () => {
    const end = new AbortController();
    running.current = end;
    setAsked({ is: "running", done: 0 });
    try {
      const progress = (done: number) => setAsked({ is: "running", done });
      const result = await store.kernel?.weightStatistics(parameter, progress, end.signal);
      if (result && !end.signal.aborted) setAsked({ is: "done", result });
    } catch (error) {
      if (end.signal.aborted) return;
      setAsked({ is: "failed", message: error instanceof Error ? error.message : String(error) });
    }
  };
  if (asked.is === "done") return <Result statistics={asked.result} name={name} />;
  if (asked.is === "running") {
    return (
      <div class="nbviz-weight">
        <progress value={asked.done} max={1} aria-label={`Reading ${name}`} />
        <button
          type="button"
          class="nbviz-link"
          onClick={() => {
            running.current?.abort();
            setAsked({ is: "idle" });
          }}
        >
          Cancel
        </button>
      </div>
    );
  }
  return (
    <>
      {asked.is === "failed" && (
        <p class="nbviz-failure" role="status">
          {asked.message}
        </p>
      )}
      <button type="button" class="nbviz-link" title="Reads the values in the kernel, piece by piece" onClick={ask}>
        {asked.is === "failed" ? "Try again" : "Statistics"}
      </button>
    </>
  );
}

function Result({ statistics, name }: { statistics: WeightStatistics; name: string }) {
  const { count, min, max, mean, std, zeros, non_finite, histogram } = statistics;
  const part = (n: number) => `${formatCount(n)} (${((100 * n) / Math.max(count, 1)).toFixed(1)} %)`;
  return (
    <div class="nbviz-statistics" role="status">
      {histogram && <Histogram counts={histogram.counts} edges={histogram.edges} label={`Histogram of ${name}`} />}
      <div class="nbviz-numbers">
        <span title="Smallest">{formatNumber(min)}</span>
        <span title="Mean and standard deviation">
          μ {formatNumber(mean)} · σ {formatNumber(std)}
        </span>
        <span title="Largest">{formatNumber(max)}</span>
      </div>
      {zeros > 0 && <div class="nbviz-hint">{part(zeros)} are zero</div>}
      {non_finite > 0 && <div class="nbviz-failure">{part(non_finite)} are NaN or infinite</div>}
    </div>
  );
}
