// Sets the chosen theme before the first paint. A classic script in <head>, so that a dark page never flashes white.
(() => {
  try {
    const theme = localStorage.getItem("portal-theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // Storage may be refused; the page then follows the system.
  }
})();
