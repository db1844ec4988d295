/** Why a node cannot run on the accelerator. Thrown by operator builders, caught by the partition; never reaches a user as such. */
export class Unsupported extends Error {
  override readonly name = 'Unsupported';
}
