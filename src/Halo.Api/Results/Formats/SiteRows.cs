using System.Text;
using System.Text.Json;

namespace Halo.Api.Results.Formats;

/// <summary>Writes rows with the site that they are of as their first value.</summary>
/// <param name="rows">Writes the rest of them, as JSON.</param>
/// <param name="column">The value's name.</param>
sealed class SiteRows(JsonRows rows, string column, Guid siteId) : IRowWriter
{
    readonly byte[] _site = Encoding.UTF8.GetBytes($"{JsonSerializer.Serialize(column)}:\"{siteId}\"");

    /// <inheritdoc/>
    public void Begin(PooledBuffer output) => rows.Begin(output);

    /// <inheritdoc/>
    public void BeginRow(PooledBuffer output, bool first)
    {
        rows.BeginRow(output, first);
        output.Append(_site);
    }

    /// <inheritdoc/>
    public void Name(PooledBuffer output, ref readonly Utf8JsonReader name, int column)
    {
        if (column == 0)
            output.Append((byte)',');
        rows.Name(output, in name, column);
    }

    /// <inheritdoc/>
    public void Value(PooledBuffer output, ref readonly Utf8JsonReader value, int column) => rows.Value(output, in value, column);

    /// <inheritdoc/>
    public void BeginText(PooledBuffer output, int column) => rows.BeginText(output, column);

    /// <inheritdoc/>
    public void Text(PooledBuffer output, ReadOnlySpan<byte> piece) => rows.Text(output, piece);

    /// <inheritdoc/>
    public void EndText(PooledBuffer output) => rows.EndText(output);

    /// <inheritdoc/>
    public void EndRow(PooledBuffer output, int count) => rows.EndRow(output, count);

    /// <inheritdoc/>
    public void End(PooledBuffer output) => rows.End(output);
}
