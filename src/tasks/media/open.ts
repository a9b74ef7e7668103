import type { MediaDesk, MediaDeskParts } from './media-desk.ts';

/** Opens what own storage knows of an image that is offered to the host, and puts the port right. */
export async function openMedia(parts: MediaDeskParts): Promise<MediaDesk> {
  return (await import('./media-desk.ts')).MediaDesk.open(parts);
}
