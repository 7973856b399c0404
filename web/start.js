// Watches the page start. Where one of its modules does not come or fails before the page has started,
// it says so and offers to load the page again. No module itself: it must run before them, and listen
// while they are fetched.
(() => {
  const isStarted = () => "started" in document.documentElement.dataset;

  async function show() {
    document.getElementById("start-failed").hidden = false;
    document.getElementById("reload").addEventListener("click", () => location.reload());
    const { loadLanguage } = await import("./language.js");
    await loadLanguage();
  }

  function fail() {
    if (isStarted()) return;
    removeEventListener("error", onError, true);
    const inEnglish = () => { /* language.js did not come, either */ };
    const now = () => show().catch(inEnglish);
    if (document.readyState === "loading") addEventListener("DOMContentLoaded", now);
    else now();
  }

  // Of a script that does not come, with all that it imports; or of one that fails.
  function onError({ target, error }) {
    if (target instanceof HTMLScriptElement || error) fail();
  }
  addEventListener("error", onError, true);
})();
