namespace Halo.Api.Queries;

/// <summary>Ids of queries: UUIDs of version 7 whose order is the order of their making, within one millisecond too.</summary>
/// <remarks>An integrator's queries are claimed in the order of their ids; at random within a millisecond, what was accepted second could run first.</remarks>
static class QueryIds
{
    const int CounterBits = 12;

    // Beyond this the clock was set back: ids go by it again.
    const long MostAhead = 10_000L << CounterBits;

    static long _last;

    public static Guid Next(DateTimeOffset now)
    {
        var wanted = now.ToUnixTimeMilliseconds() << CounterBits;
        long last, next;
        do
        {
            last = Volatile.Read(ref _last);
            next = wanted > last || last - wanted > MostAhead ? wanted : last + 1;
        }
        while (Interlocked.CompareExchange(ref _last, next, last) != last);
        Span<byte> bytes = stackalloc byte[16];
        Guid.CreateVersion7(DateTimeOffset.FromUnixTimeMilliseconds(next >> CounterBits)).TryWriteBytes(bytes, bigEndian: true, out _);
        // RFC 9562, 6.2, method 1: a counter in the twelve bits behind the version.
        bytes[6] = (byte)(0x70 | (next >> 8 & 0xF));
        bytes[7] = (byte)next;
        return new Guid(bytes, bigEndian: true);
    }
}
