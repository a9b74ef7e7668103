import { toHex } from '../../base/index.ts';
import type { FruField, FruInventory } from './inventory.ts';

/** A name in the field's words ("Board Mfg Date"), and its value as text; undefined where the inventory has none. */
export type FruRow = readonly [name: string, value: string | undefined];

const CHASSIS_TYPES =
  '|Other|Unknown|Desktop|Low Profile Desktop|Pizza Box|Mini Tower|Tower|Portable|Laptop|Notebook|Hand Held|Docking Station|All in One|Sub Notebook|Space-saving|Lunch Box|Main Server Chassis|Expansion Chassis|SubChassis|Bus Expansion Chassis|Peripheral Chassis|RAID Chassis|Rack Mount Chassis|Sealed-case PC|Multi-system Chassis|CompactPCI|AdvancedTCA|Blade|Blade Enclosure'.split(
    '|',
  );

const fieldText = (field: FruField): string | undefined =>
  typeof field === 'string' ? field || undefined : `0x${toHex(field)}`;

/** An inventory in rows; `timeText` says a moment, seconds since 1970, for people. Records of makers are left out. */
export function fruRows(
  { chassis, board, product }: FruInventory,
  timeText: (seconds: number) => string,
): FruRow[] {
  const extra = (area: string, custom: readonly FruField[] = []): FruRow[] =>
    custom.map((field) => [`${area} Extra`, fieldText(field)]);
  return [
    ['Chassis Type', chassis && (CHASSIS_TYPES[chassis.type] || `0x${toHex(Uint8Array.of(chassis.type))}`)],
    ['Chassis Part Number', chassis && fieldText(chassis.partNumber)],
    ['Chassis Serial', chassis && fieldText(chassis.serialNumber)],
    ...extra('Chassis', chassis?.custom),
    ['Board Mfg Date', board?.manufactured === undefined ? undefined : timeText(board.manufactured)],
    ['Board Mfg', board && fieldText(board.manufacturer)],
    ['Board Product', board && fieldText(board.product)],
    ['Board Serial', board && fieldText(board.serialNumber)],
    ['Board Part Number', board && fieldText(board.partNumber)],
    ['Board FRU ID', board && fieldText(board.fileId)],
    ...extra('Board', board?.custom),
    ['Product Manufacturer', product && fieldText(product.manufacturer)],
    ['Product Name', product && fieldText(product.product)],
    ['Product Part Number', product && fieldText(product.partNumber)],
    ['Product Version', product && fieldText(product.version)],
    ['Product Serial', product && fieldText(product.serialNumber)],
    ['Product Asset Tag', product && fieldText(product.assetTag)],
    ['Product FRU ID', product && fieldText(product.fileId)],
    ...extra('Product', product?.custom),
  ];
}
