using System.Buffers;
using System.Text.Json;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Rows;

namespace Halo.Link.Engines.Running;

/// <summary>Keeps the one value of a scalar as text.</summary>
sealed class ScalarText : IRowSink
{
    const int MostBytes = 64 * 1024;

    readonly ArrayBufferWriter<byte> _row = new();

    /// <summary>The value; null: NULL, or no row.</summary>
    public string? Value { get; private set; }

    public IBufferWriter<byte> Buffer => _row;

    public ValueTask BeginAsync(IReadOnlyList<ResultColumn> columns, CancellationToken stop) => ValueTask.CompletedTask;

    public void BeginRow()
    {
    }

    public ValueTask<bool> EndRowAsync(CancellationToken stop)
    {
        if (_row.WrittenCount > MostBytes)
            throw new RowSinkException(new(ErrorTypes.HaloLink, 400, "The value is longer than 64 KiB."));
        using var row = JsonDocument.Parse(_row.WrittenMemory);
        foreach (var column in row.RootElement.EnumerateObject())
            Value ??= TextOf(column.Value);
        return ValueTask.FromResult(true);
    }

    public ValueTask EndAsync(CancellationToken stop) => ValueTask.CompletedTask;

    static string? TextOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => null,
        JsonValueKind.String => value.GetString(),
        // As SQLite has it; the declared type alone made it a truth.
        JsonValueKind.True => "1",
        JsonValueKind.False => "0",
        _ => value.GetRawText(),
    };
}
