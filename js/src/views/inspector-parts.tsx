// Pieces that the inspector is made of.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { TensorText } from "../details";
import { copy } from "../download";
import { useDisplay } from "./hooks";
import { Icon } from "./icons";

export function Section({ title, children, note }: { title: string; note?: string; children: ComponentChildren }) {
  return (
    <section class="nbviz-section">
      <h3>
        {title}
        {note && <span class="nbviz-hint"> {note}</span>}
      </h3>
      {children}
    </section>
  );
}

/** Names and values; an entry without a value is left out. */
export function Facts({ entries }: { entries: readonly (readonly [string, ComponentChildren, string?])[] }) {
  return (
    <dl class="nbviz-facts">
      {entries
        .filter(([, value]) => value !== null && value !== undefined && value !== "")
        .map(([name, value, title]) => (
          <div key={name}>
            <dt>{breakable(name)}</dt>
            <dd title={title}>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

/** A name that may go on in a new line behind its parts, as the long ones of a file's settings have to. */
function breakable(name: string): ComponentChildren {
  return (name.match(/[^._]*[._]|[^._]+/g) ?? [name]).map((part, i) => (i === 0 ? part : [<wbr key={i} />, part]));
}

/** Text with a button that copies it; where the host forbids that, the text is selected for Ctrl+C. */
export function Copyable({ text, label }: { text: string; label: string }) {
  const { announce } = useDisplay();
  const shown = useRef<HTMLElement>(null);
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 1500);
    return () => clearTimeout(timer);
  }, [copied]);
  const onClick = async () => {
    if (await copy(text)) {
      setCopied(true);
      announce(`${label} copied`);
      return;
    }
    if (shown.current) getSelection()?.selectAllChildren(shown.current);
    announce("The page may not use the clipboard: the text is selected, press Ctrl+C");
  };
  return (
    <span class="nbviz-copyable">
      <code ref={shown} title={text}>
        {text}
      </code>
      <button
        type="button"
        class="nbviz-button is-icon is-quiet"
        aria-label={`Copy ${label}`}
        title={`Copy ${label}`}
        onClick={onClick}
      >
        <Icon name={copied ? "check" : "copy"} />
      </button>
    </span>
  );
}

export function Tensors({ tensors }: { tensors: readonly TensorText[] }) {
  return (
    <ul class="nbviz-tensors">
      {tensors.map((tensor, port) => (
        <li key={port} title={tensor.name || undefined}>
          <code>{tensor.shape}</code> <span class="nbviz-hint">{tensor.dtype}</span>
        </li>
      ))}
    </ul>
  );
}
