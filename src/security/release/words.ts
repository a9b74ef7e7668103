/**
 * One word for each value of a byte, for being read out over a telephone: 4 to 8 letters, told apart by the first four, and
 * any two of them at least three letters apart. The order is part of the protocol.
 */
export const WORDS: readonly string[] = `
  acid actor agate alarm alley amber ankle antenna apron arena asphalt atlas attic avocado bacon badge
  baker balloon bamboo banjo barrel basil beach beetle bishop blimp bonus border bracelet brick broccoli
  bronze bubble bucket buffalo bulldog butter cabbage cabin cactus calendar camel canoe caravan castle
  cedar cello chalk cherry chimney chisel circus clinic clover cobra coconut coffee compass copper cotton
  cowboy crayon cricket crystal cucumber cushion cymbal daisy dentist desert diamond diesel dinner
  dinosaur dolphin domino donkey drum duck eagle earth echo eight elbow elder elephant empire engine
  envelope error exit expert fancy farmer festival fiddle field filter fjord flame forest fossil frog
  frozen funnel furnace galaxy garden ghost giant giraffe glass globe gorilla grape guitar hamster harbor
  helmet hotel iceberg igloo image index iris island ivory jaguar jigsaw jungle kayak kernel ketchup
  kidney kiosk kiwi ladder lagoon lava lemon level lilac lizard lobster logic lunar magnet marble meadow
  meteor milk mocha muffin mustard napkin nectar nephew nickel noodle nylon object ocean octopus olive
  onion opera orbit orchid oval oxygen panda papaya parrot pencil pickle pilot pizza planet poem polka
  potato pulse puppet puzzle python quartz quilt rabbit raft raisin raven razor recipe ribbon rodeo rubber
  ruby salad salmon saturn scarf school scuba sheriff signal siren sketch sloth smoke snail soda spider
  squid statue stereo sunset swamp syrup taxi teapot temple tennis thumb tiger toast topaz torch trumpet
  tulip turtle tuxedo twelve umbrella unicorn vacuum vanilla vendor vessel victory village vinegar violin
  volcano voyage waffle walnut wheel window wolf wombat yacht yogurt zenith zigzag zinc zombie
`
  .trim()
  .split(/\s+/);
