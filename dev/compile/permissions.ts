/**
 * What the binary may do, whatever is in it: reach the network, and read and write files. Which ones is up to its
 * user, and known too late to be written down here; so are the variables, all of which are read to find misspelt ones.
 * It starts no programs and loads no libraries, imports nothing that is not in it, asks the system for the authorities
 * to trust and the space on a disk and for nothing else, and never asks its user for more.
 */
export const PERMISSIONS: readonly string[] = [
  ...["--no-prompt", "--allow-net", "--allow-env", "--allow-sys=ca,statfs", "--allow-read", "--allow-write"],
  ...["--deny-run", "--deny-ffi", "--deny-import"],
];
