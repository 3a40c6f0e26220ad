import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { followTheme, type Theme } from "./theme";

let end = new AbortController();
beforeEach(() => {
  end = new AbortController();
});
afterEach(() => {
  end.abort();
  document.body.replaceChildren();
  document.body.removeAttribute("data-jp-theme-light");
});

const settled = () => new Promise((resolve) => setTimeout(resolve));

it("keeps the theme while the host has taken the view out of the page", async () => {
  const view = document.createElement("div");
  document.body.append(view);
  document.body.setAttribute("data-jp-theme-light", "false");
  const heard: Theme[] = [];
  followTheme(view, (theme) => heard.push(theme), end.signal);
  view.remove();
  document.body.classList.add("changed");
  await settled();
  document.body.append(view);
  document.body.classList.remove("changed");
  await settled();
  document.body.setAttribute("data-jp-theme-light", "true");
  await settled();
  expect(heard).toEqual(["dark", "light"]);
});

describe("the sheet", () => {
  const own = ["theme.css", "views/panes.css", "views/inspector.css"].map((name) =>
    readFileSync(join(import.meta.dirname, name), "utf8"),
  );
  const jupyterLab = ".jp-OutputArea-output dt { float: left; width: 20%; }";

  function styled(html: string, selector: string): CSSStyleDeclaration {
    const style = document.createElement("style");
    style.textContent = [...own, jupyterLab].join("\n");
    const output = document.createElement("div");
    output.className = "jp-OutputArea-output";
    output.innerHTML = `<div class="nbviz">${html}</div>`;
    document.body.append(style, output);
    const found = output.querySelector(selector);
    if (!found) throw new Error(`nothing matches ${selector}`);
    return getComputedStyle(found);
  }

  it("shows the bar between the panes", () => {
    expect(styled('<div class="nbviz-splitter"></div>', ".nbviz-splitter").display).not.toBe("none");
  });

  it("leaves terms their width where JupyterLab floats them", () => {
    const { width, float } = styled('<dl class="nbviz-facts"><div><dt>Params</dt></div></dl>', "dt");
    expect({ width, float }).toEqual({ width: "auto", float: "none" });
  });
});
