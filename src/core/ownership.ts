/** Whether something on disk is ours alone, so that what is in it can be believed. */

/** What lstat(2) says of it. */
export interface OnDisk {
  readonly is: 'directory' | 'file' | 'link' | 'other';
  readonly uid: number;
  readonly mode: number;
}

/** Permission bits that others must not have. */
export const WRITABLE_BY_OTHERS = 0o022;
export const OPEN_TO_OTHERS = 0o077;

export interface Objection {
  /** `belongs to uid 1001`: what follows its path. */
  readonly what: string;
  /** What would mend it. */
  readonly mend: 'unlink' | 'remove' | 'chmod';
}

/** Null: it is ours. `bits` are those it must not have. */
export function objectionTo(
  { is, uid, mode }: OnDisk,
  wanted: { readonly is: 'directory' | 'file'; readonly uid: number; readonly bits: number },
): Objection | null {
  if (is === 'link') return { what: 'is a symbolic link', mend: 'unlink' };
  if (is !== wanted.is) return { what: wanted.is === 'directory' ? 'is not a directory' : 'is no regular file', mend: 'remove' };
  if (uid !== wanted.uid) return { what: `belongs to uid ${uid}`, mend: 'remove' };
  if ((mode & wanted.bits) === 0) return null;
  return { what: `is open to others (mode ${(mode & 0o777).toString(8).padStart(4, '0')})`, mend: 'chmod' };
}
