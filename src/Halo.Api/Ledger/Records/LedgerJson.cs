using System.Text.Json;
using System.Text.Json.Serialization;
using Halo.Api.Storage.Keys;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Ledger.Records;

/// <summary>JSON of what the ledger keeps encrypted.</summary>
[JsonSourceGenerationOptions(
    JsonSerializerDefaults.Web,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(UtcTimeConverter)])]
[JsonSerializable(typeof(QueryDetail))]
[JsonSerializable(typeof(QueryCommand))]
[JsonSerializable(typeof(StoredBatch))]
sealed partial class LedgerJson : JsonSerializerContext;

/// <summary>Command and detail, sealed and opened.</summary>
static class LedgerSeal
{
    public static byte[] Seal(DataKey key, QueryCommand command) =>
        SealedBlob.Seal(key, BlobPlace.Command, JsonSerializer.SerializeToUtf8Bytes(command, LedgerJson.Default.QueryCommand));

    public static byte[] Seal(DataKey key, QueryDetail detail) =>
        SealedBlob.Seal(key, BlobPlace.Detail, JsonSerializer.SerializeToUtf8Bytes(detail, LedgerJson.Default.QueryDetail));

    public static byte[] Seal(DataKey key, CommandBatch batch) =>
        SealedBlob.Seal(key, BlobPlace.Command, JsonSerializer.SerializeToUtf8Bytes(new(batch), LedgerJson.Default.StoredBatch));

    public static QueryCommand OpenCommand(DataKey key, byte[] blob) =>
        JsonSerializer.Deserialize(SealedBlob.Open(key, BlobPlace.Command, blob), LedgerJson.Default.QueryCommand)!;

    /// <summary>What an async query is to do: a command, or a batch and its first command.</summary>
    public static (QueryCommand Command, CommandBatch? Batch) OpenCommands(DataKey key, byte[] blob)
    {
        var json = SealedBlob.Open(key, BlobPlace.Command, blob);
        if (!json.AsSpan().StartsWith(StoredBatch.Begin))
            return (JsonSerializer.Deserialize(json, LedgerJson.Default.QueryCommand)!, null);
        var batch = JsonSerializer.Deserialize(json, LedgerJson.Default.StoredBatch)!.Batch;
        return (batch[0], batch);
    }

    public static QueryDetail OpenDetail(DataKey key, byte[] blob) =>
        JsonSerializer.Deserialize(SealedBlob.Open(key, BlobPlace.Detail, blob), LedgerJson.Default.QueryDetail)!;
}

/// <summary>A batch as it is kept, told by its first field from a command.</summary>
sealed record StoredBatch(CommandBatch Batch)
{
    public static ReadOnlySpan<byte> Begin => "{\"batch\":"u8;
}
