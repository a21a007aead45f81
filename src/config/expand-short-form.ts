/** Writes a short form out as the long one, so that everything after it knows only that. */
import { formatDestination } from './destination.ts';
import type { Part } from './forward-spec.ts';
import { interpolateScalar, partOf, type Interpolation } from './interpolate.ts';
import { emptyMap, type Entry, type MapNode, type Node, type Scalar, type ScalarNode } from './node.ts';
import { parseShortForm, type ShortForm } from './short-form.ts';

export interface Expanded {
  readonly tunnel: MapNode;
  /** What -J, -i, -4, -6 and -C say of the host, under the name the tunnel calls it. Null where they say nothing. */
  readonly host: { readonly name: string; readonly entry: Entry } | null;
}

/** Null after a problem was reported. */
export function expandShortForm(written: ScalarNode, interpolation: Interpolation): Expanded | null {
  const node = interpolateScalar(written, interpolation);
  if (interpolation.problems.refused(node.span)) return null;
  const pieces = node.pieces ?? [{ text: String(node.value ?? ''), fixed: false }];
  const parsed = parseShortForm(pieces);
  if (!parsed.ok) {
    const { message, hint, start, end } = parsed.error;
    interpolation.problems.add({ code: 'schema', message, hint, at: partOf(node, start, end), spoils: node.span });
    return null;
  }
  return write(node, parsed.value);
}

function write(node: ScalarNode, form: ShortForm): Expanded {
  const at = (part: Part): ScalarNode['span'] => partOf(node, part.start, part.end);
  const scalar = (value: Scalar, span: ScalarNode['span']): Node => ({ kind: 'scalar', value, written: String(value), pieces: [], span });
  const text = (part: Part): Node => scalar(part.text, at(part));
  const map = (fields: readonly (readonly [string, Node | null])[]): MapNode => ({
    ...emptyMap(node.span),
    entries: new Map(fields.flatMap(([key, value]) => (value ? [[key, { key: value.span, value }] as const] : []))),
  });
  const { destination, addressFamily, compression, via, identityFiles } = form;
  const variant = variantOf(form);
  const name = formatDestination({ ...destination, variant: destination.variant + variant });
  const tunnel = map([
    ['type', scalar(form.type, node.span)],
    ['host', scalar(name, at(form.destinationPart))],
    ['ingress', text(form.ingress)],
    ['egress', form.egress && text(form.egress)],
    ['expose', form.expose ? scalar(true, node.span) : null],
  ]);
  if (variant === '') return { tunnel, host: null };
  const hops = via && { kind: 'list' as const, items: via.text.split(',').map((hop) => scalar(hop, at(via))), span: at(via) };
  const keys = { kind: 'list' as const, items: identityFiles.map(text), span: node.span };
  const host = map([
    ['via', hops],
    ['identity_file', identityFiles.length > 0 ? keys : null],
    ['address_family', addressFamily && scalar(addressFamily, node.span)],
    ['compression', compression ? scalar(true, node.span) : null],
  ]);
  return { tunnel, host: { name, entry: { key: at(form.destinationPart), value: host } } };
}

/** What sets this way to the host apart from others: equal short forms share a connection, different ones do not. */
function variantOf({ via, identityFiles, addressFamily, compression }: ShortForm): string {
  const words = [
    via && `via-${via.text}`,
    ...identityFiles.map((file) => `key-${file.text.replace(/^~\//, '')}`),
    addressFamily,
    compression ? 'compressed' : null,
  ];
  return words.flatMap((word) => (word === null ? [] : [`+${word.replace(/[^A-Za-z0-9_.-]/g, '_')}`])).join('');
}
