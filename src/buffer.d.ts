/** Methods of every Buffer that @types/node leaves out: toString('latin1') and write(…, 'latin1'), dispatched already. */
interface Buffer {
  latin1Slice(start?: number, end?: number): string;
  latin1Write(text: string, offset?: number, length?: number): number;
}
