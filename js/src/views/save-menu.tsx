// Files from the browser.
import { printPicture } from "../print";
import { savePage, savePdf, savePng, saveSvg, saveTableCsv, saveTableHtml } from "../save";
import type { Payload } from "../wire";
import { useDisplay } from "./hooks";
import { Action, Heading, Menu } from "./menu";

export function SaveMenu({ payload }: { payload: Payload }) {
  const { store, graph, source, theme, page, announce } = useDisplay();
  const save = (what: string, write: () => void | Promise<void>) => async () => {
    try {
      await write();
      announce(`Saving the ${what}. If no file appears, this page may not download: use view.save() in Python.`);
    } catch (error) {
      announce(`The ${what} could not be saved: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const svg = () => graph.current?.svg() ?? "";
  const pdf = () => (page ? printPicture(svg()) : savePdf(store, payload, theme()));
  return (
    <Menu label="Save" text="Save" icon="save" title="Save the page, the table or the picture">
      <Action hint=".html" onPick={save("page", () => savePage(store, payload, source()))}>
        Interactive page
      </Action>
      <Action hint=".html" onPick={save("table", () => saveTableHtml(store, payload))}>
        Table as shown
      </Action>
      <Action hint=".csv" onPick={save("table", () => saveTableCsv(store, payload))}>
        Table as shown
      </Action>
      {payload.calls.length > 0 && (
        <>
          <Action hint=".svg" onPick={save("picture", () => saveSvg(store, payload, svg()))}>
            Picture of the graph
          </Action>
          <Action hint=".png" onPick={save("picture", () => savePng(store, payload, svg()))}>
            Picture of the graph
          </Action>
          <Action hint={page ? "print" : ".pdf"} onPick={save("picture", pdf)}>
            Picture of the graph
          </Action>
        </>
      )}
      {!page && (
        <Heading>
          To keep the view in the notebook for readers
          <br />
          without a kernel, end a cell with <code>view.static()</code>
        </Heading>
      )}
    </Menu>
  );
}
