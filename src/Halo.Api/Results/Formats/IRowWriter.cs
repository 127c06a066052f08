using System.Text.Json;

namespace Halo.Api.Results.Formats;

/// <summary>Writes rows in one form, token by token as they are read. What is given to it was found to be well-formed.</summary>
interface IRowWriter
{
    /// <summary>What stands before the first row, also where there is none.</summary>
    void Begin(PooledBuffer output);

    /// <summary>A row begins.</summary>
    /// <param name="first">The first of all.</param>
    void BeginRow(PooledBuffer output, bool first);

    /// <summary>A value's name.</summary>
    void Name(PooledBuffer output, ref readonly Utf8JsonReader name, int column);

    /// <summary>A string, number, boolean or null.</summary>
    void Value(PooledBuffer output, ref readonly Utf8JsonReader value, int column);

    /// <summary>A string of such a length that it is written as it comes: <see cref="Text"/> follows, and <see cref="EndText"/>.</summary>
    void BeginText(PooledBuffer output, int column);

    /// <summary>A piece of it, with its escapes; none is cut, nor any character.</summary>
    void Text(PooledBuffer output, ReadOnlySpan<byte> piece);

    /// <summary>It ends.</summary>
    void EndText(PooledBuffer output);

    /// <summary>A row ends.</summary>
    /// <param name="count">How many values it had.</param>
    /// <exception cref="InvalidDataException">Not as many as there are columns.</exception>
    void EndRow(PooledBuffer output, int count);

    /// <summary>What stands after the last row.</summary>
    void End(PooledBuffer output);
}
