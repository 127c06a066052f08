using System.Text.Json;

namespace Halo.Api.Results.Formats;

/// <summary>Turns JSON arrays of row objects, arriving in pieces of any split, into one document of another form.</summary>
interface IRowTranscoder : IDisposable
{
    /// <summary>What was written so far and not taken yet.</summary>
    PooledBuffer Output { get; }

    /// <summary>Rows written, over all arrays.</summary>
    long Rows { get; }

    /// <summary>The next piece of an array.</summary>
    /// <exception cref="JsonException">It is not JSON.</exception>
    /// <exception cref="InvalidDataException">It is no array of row objects.</exception>
    void Add(ReadOnlySpan<byte> piece);

    /// <summary>An array has come to its end; another may follow, and its rows join the same document.</summary>
    /// <exception cref="JsonException">It was cut short.</exception>
    /// <exception cref="InvalidDataException">It was cut short.</exception>
    void EndArray();

    /// <summary>There are no more arrays; none at all is a document without rows.</summary>
    void EndDocument();
}
