// The addresses of the server's routes, relative to the page.

/** The address of a route with this query, and with the page's token where it has one. */
export function routeOf(path, query = {}) {
  const all = new URLSearchParams(query);
  const token = new URLSearchParams(location.search).get("token");
  if (token) all.set("token", token);
  const text = all.toString();
  return text ? `${path}?${text}` : path;
}
