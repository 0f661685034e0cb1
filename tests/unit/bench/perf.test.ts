/** How `make profile` reads what perf saw. */
import { machineCodeOf, roomsOf } from '../../bench/perf';

const SAMPLES = `   7 
	ffffffff81 tcp_sendmsg ([kernel.kallsyms])
	ffffffff82 __x64_sys_write ([kernel.kallsyms])
	   7f0001 uv__try_write (/usr/bin/node)

   7 
	ffffffff83 _copy_to_iter ([kernel.kallsyms])
	ffffffff84 __x64_sys_read ([kernel.kallsyms])

   7 
	ffffffff86 finish_task_switch.isra.0 ([kernel.kallsyms])
	ffffffff87 exit_to_user_mode_prepare ([kernel.kallsyms])
	   7f0001 __GI___libc_write (/usr/lib/libc.so.6)

   7 
	ffffffff85 asm_sysvec_apic_timer_interrupt ([kernel.kallsyms])

   7 
	   7f0002 JS:*get plain /there/dist/commands/conversation.js:180:7 (/tmp/perf-7.map)

   7 
	   7f0003 JS:^Readable.push node:internal/streams/readable:295:31 (/tmp/perf-7.map)

   7 
	   1a0001 Builtins_KeyedLoadIC_Megamorphic (/usr/bin/node)

   7 
	   1a0002 v8::internal::Scavenger::Process (/usr/bin/node)
	   1a0003 v8::internal::Heap::CollectGarbage (/usr/bin/node)

   7 
	   7f0004 __memmove_avx_unaligned_erms (/usr/lib/x86_64-linux-gnu/libc.so.6)

   7 
	   1a0004 uv__io_poll (/usr/bin/node)

   8 
	   1a0005 v8::internal::compiler::Node::New (/usr/bin/node)
`;

test('each sample of the main thread goes to the room of its innermost frame, the kernel by what it was called for', () => {
  expect([...roomsOf(SAMPLES, 7)]).toEqual([
    ['kernel: writing', 1],
    ['kernel: reading', 1],
    ['kernel: letting others go first', 1],
    ['kernel: the rest', 1],
    ['commands/conversation', 1],
    ["Node's sockets and streams", 1],
    ["V8's builtins, and code not compiled yet", 1],
    ['garbage collector', 1],
    ['libc: copies, clocks, malloc', 1],
    ["Node's and libuv's C++", 1],
  ]);
  expect(roomsOf('', 7).size).toBe(0);
});

test('machine code that is neither the kernel nor JavaScript goes by its name', () => {
  expect([...machineCodeOf(SAMPLES, 7).keys()]).toEqual([
    'Builtins_KeyedLoadIC_Megamorphic',
    'v8::internal::Scavenger::Process',
    '__memmove_avx_unaligned_erms',
    'uv__io_poll',
  ]);
});
