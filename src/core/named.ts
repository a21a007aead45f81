/** The tunnels that a name means: itself, or, where a tunnel of the file listens on a range of ports, all that were made of it. */
export function tunnelsNamed(name: string, known: Iterable<string>): readonly string[] {
  const all = [...known];
  if (all.includes(name)) return [name];
  return all.filter((each) => each.startsWith(`${name}-`) && /^\d+$/.test(each.slice(name.length + 1)));
}
