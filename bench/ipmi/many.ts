export async function sweepManyResponders(): Promise<void> {}
