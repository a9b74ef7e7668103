// The first of the three: by its own name too.
process.argv.push('ext4');
await import('./read.ts');

export {};
