/** Public halves of keys whose private halves anybody can read, as keyring files write them. */
export const KNOWN_TEST_KEYS: readonly string[] = [
  // flash/test-key.pem of these sources.
  'ed25519:VP1Tcrb2lMwiYwq8rPJppYDzDBPfzysTtHJvwJMIlbg',
  // RFC 8032, section 7.1; the first stands in the examples of COSE too.
  'ed25519:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
  'ed25519:PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw',
  'ed25519:_FHNjmIYoaONpH7QAjDwWAgW7RO6MwOsXeuRFUiQgCU',
  'ed25519:J4EX_BRMcjQPZ9DyMW6Dhs7_vyskKMnFH-98WX8dQm4',
  'ed25519:7Bcrk61eVjv0kyxw4SRQNMNUZ-8u_U1k6_gZaDRn4r8',
  // A private key of zeros.
  'ed25519:O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik',
];

/** Whether anybody can sign by this key: firmware that is released neither is signed by it nor trusts it. */
export function isKnownTestKey(key: string): boolean {
  return KNOWN_TEST_KEYS.includes(key);
}
