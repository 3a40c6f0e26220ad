// A button that opens a list of choices or actions; arrows walk it, Escape closes it.
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { handled, useSignal } from "./hooks";
import { Icon, type IconName } from "./icons";

interface MenuProps {
  /** What the button is called. */
  readonly label: string;
  /** What the button shows beside its icon; hidden where there is no room. */
  readonly text: string;
  readonly icon: IconName;
  readonly title: string;
  readonly children: ComponentChildren;
  readonly class?: string;
}

export function Menu({ label, text, icon, title, children, class: extra = "" }: MenuProps) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  useSignal(
    (signal) => {
      if (!open) return;
      const outside = (event: Event) => {
        if (root.current && !event.composedPath().includes(root.current)) setOpen(false);
      };
      document.addEventListener("pointerdown", outside, { signal, capture: true });
    },
    [open],
  );
  return (
    <div class={`nbviz-menu ${extra}`} ref={root}>
      <button
        type="button"
        class="nbviz-button"
        ref={button}
        aria-haspopup="menu"
        aria-expanded={open}
        aria-label={`${label}: ${text}`}
        title={title}
        onClick={() => setOpen(!open)}
        onKeyDown={(event) => {
          if (event.key !== "ArrowDown" || open) return;
          handled(event);
          setOpen(true);
        }}
      >
        <Icon name={icon} />
        <span class="nbviz-button-text">{text}</span>
        <Icon name="down" />
      </button>
      {open && (
        <Popup label={label} close={close}>
          {children}
        </Popup>
      )}
    </div>
  );
}

const items = (popup: HTMLElement): HTMLElement[] => [...popup.querySelectorAll<HTMLElement>('[role^="menuitem"]')];

function Popup({ label, close, children }: { label: string; close: () => void; children: ComponentChildren }) {
  const popup = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (!popup.current) return;
    const all = items(popup.current);
    (all.find((item) => item.getAttribute("aria-checked") === "true") ?? all[0])?.focus();
    keepInside(popup.current);
  }, []);
  const onKeyDown = (event: KeyboardEvent) => {
    if (!popup.current) return;
    if (event.key === "Escape") {
      handled(event);
      return close();
    }
    const all = items(popup.current);
    const at = all.indexOf((popup.current.getRootNode() as Document | ShadowRoot).activeElement as HTMLElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1 + all.length, Home: 0, End: all.length - 1 }[event.key];
    if (to === undefined) return;
    handled(event);
    all[to % all.length]?.focus();
  };
  return (
    <div
      class="nbviz-popup"
      role="menu"
      tabIndex={-1}
      aria-label={label}
      ref={popup}
      onKeyDown={onKeyDown}
      onClick={(event) => {
        // A choice closes the menu; a checkbox leaves it open for the next one.
        const item = (event.target as Element).closest('[role^="menuitem"]');
        if (item && item.getAttribute("role") !== "menuitemcheckbox") close();
      }}
    >
      {children}
    </div>
  );
}

// A popup opens under its button, over all panes, and moves left where the widget would cut it off.
function keepInside(popup: HTMLElement): void {
  const frame = popup.closest(".nbviz")?.getBoundingClientRect();
  if (!frame) return;
  const box = popup.getBoundingClientRect();
  const over = box.right - (frame.right - 8);
  if (over > 0) popup.style.setProperty("margin-left", `${-Math.min(over, box.left - frame.left - 8)}px`);
  popup.style.setProperty("max-height", `${Math.max(frame.bottom - box.top - 12, 60)}px`);
}

interface ItemProps {
  readonly children: ComponentChildren;
  readonly hint?: string;
  onPick(): void;
}

/** Something to do. */
export function Action({ children, hint, onPick }: ItemProps) {
  return (
    <button type="button" class="nbviz-item" role="menuitem" tabIndex={-1} onClick={onPick}>
      <span>{children}</span>
      {hint && <span class="nbviz-hint">{hint}</span>}
    </button>
  );
}

/** One of several: `single`, or on its own. */
export function Choice({ children, hint, onPick, on, single }: ItemProps & { on: boolean; single: boolean }) {
  return (
    <button
      type="button"
      class="nbviz-item nbviz-choice"
      role={single ? "menuitemradio" : "menuitemcheckbox"}
      aria-checked={on}
      tabIndex={-1}
      onClick={onPick}
    >
      <span class="nbviz-tick">{on && <Icon name="check" />}</span>
      <span>{children}</span>
      {hint && <span class="nbviz-hint">{hint}</span>}
    </button>
  );
}

export function Heading({ children }: { children: ComponentChildren }) {
  return (
    <div class="nbviz-menu-heading" role="presentation">
      {children}
    </div>
  );
}
