// The first page of a new browser is asked for once more, in its zone, before anything is drawn.
(() => {
  const name = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  document.cookie = `merit_zone=${name}; path=/; max-age=31536000; samesite=lax`;
  // Where no cookies are kept, times stay those of UTC, and are said to be.
  if (document.cookie.split("; ").includes(`merit_zone=${name}`)) location.reload();
})();
