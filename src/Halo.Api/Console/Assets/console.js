// Times in the viewer's zone, filters that follow the typing, copying. Every page works without it.
"use strict";
(() => {
  const absolute = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  const localize = root => {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const text = absolute.format(new Date(time.dateTime));
      if (time.dataset.kind === "relative") time.title = text;
      else { time.title = time.textContent + " (" + time.dateTime + ")"; time.textContent = text; }
    }
  };
  localize(document);

  for (const form of document.querySelectorAll("form[data-live]")) {
    let timer, asked = 0;
    const ask = async () => {
      const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ""));
      const address = form.action.split("?")[0] + (query.size ? "?" + query : "");
      const mine = ++asked;
      const answer = await fetch(address);
      if (answer.redirected || mine !== asked) { if (answer.redirected) location.reload(); return; }
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of [form.dataset.live, "h1"]) {
        const fresh = page.querySelector(part);
        if (fresh) document.querySelector(part).replaceWith(fresh);
      }
      localize(document.querySelector(form.dataset.live));
      history.replaceState(null, "", address);
    };
    form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, 200); });
    form.addEventListener("submit", event => { event.preventDefault(); clearTimeout(timer); ask(); });
  }

  for (const button of document.querySelectorAll("button[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.querySelector(button.dataset.copy).textContent);
      const text = button.textContent;
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = text; }, 1500);
    });
  }
})();
