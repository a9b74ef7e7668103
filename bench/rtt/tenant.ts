export const TENANT = 'bench';
