// Stops a browser that is too old before it shows a broken page; the page then says what it needs.

if (!CSS.supports("width", "1cqi") || !CSS.supports("grid-template-columns", "subgrid") || !window.HTMLDialogElement) {
  throw new Error("this browser is too old for the dashboard");
}
