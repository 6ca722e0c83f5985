// The page: what the engine says goes to the parts that show it; buttons and keys go to the engine.

import "./supported.js";
import { Controls } from "./controls.js";
import { LibraryPage } from "./library.js";
import { Link } from "./link.js";
import { Live } from "./live.js";
import { SongsPage } from "./songs.js";

const link = new Link();
const controls = new Controls(link);
const live = new Live(link, controls);
const songs = new SongsPage(link);
const library = new LibraryPage(link, songs);
const select = document.querySelector("#engines select");

function choose(number) {
  controls.engine = live.engine = number;
  live.begin();
}

function connect() {
  document.body.classList.toggle("cut", !link.connected);
  if (link.connected && select.options.length !== link.engines.length) {
    select.replaceChildren(...link.engines.map((engine, i) => new Option(`OSC ${engine.port}`, i)));
    document.getElementById("engines").hidden = link.engines.length < 2;
    choose(0);
  }
  if (link.connected) live.begin();
  live.showState();
}

function route() {
  const view = ["songs", "library"].find((name) => location.hash === `#${name}`) ?? "live";
  for (const name of ["live", "songs", "library"]) {
    document.getElementById(name).hidden = name !== view;
    const tab = document.getElementById(`tab-${name}`);
    if (name === view) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
  live.visible = view === "live";
  songs.visible = view === "songs";
  library.show(view === "library");
}

function frame(time) {
  live.frame(time);
  songs.frame(time);
  library.frame();
  requestAnimationFrame(frame);
}

select.addEventListener("change", () => choose(Number(select.value)));
link.on("link", connect);
addEventListener("hashchange", route);
route();
document.documentElement.classList.add("started");
requestAnimationFrame(frame);
