using System.Text.Json;
using System.Text.Json.Serialization;
using Halo.Api.Storage.Keys;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;

namespace Halo.Api.Ledger.Records;

/// <summary>JSON of what the ledger keeps encrypted.</summary>
[JsonSourceGenerationOptions(
    JsonSerializerDefaults.Web,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(UtcTimeConverter)])]
[JsonSerializable(typeof(QueryDetail))]
[JsonSerializable(typeof(QueryCommand))]
sealed partial class LedgerJson : JsonSerializerContext;

/// <summary>Command and detail, sealed and opened.</summary>
static class LedgerSeal
{
    public static byte[] Seal(DataKey key, QueryCommand command) =>
        SealedBlob.Seal(key, BlobPlace.Command, JsonSerializer.SerializeToUtf8Bytes(command, LedgerJson.Default.QueryCommand));

    public static byte[] Seal(DataKey key, QueryDetail detail) =>
        SealedBlob.Seal(key, BlobPlace.Detail, JsonSerializer.SerializeToUtf8Bytes(detail, LedgerJson.Default.QueryDetail));

    public static QueryCommand OpenCommand(DataKey key, byte[] blob) =>
        JsonSerializer.Deserialize(SealedBlob.Open(key, BlobPlace.Command, blob), LedgerJson.Default.QueryCommand)!;

    public static QueryDetail OpenDetail(DataKey key, byte[] blob) =>
        JsonSerializer.Deserialize(SealedBlob.Open(key, BlobPlace.Detail, blob), LedgerJson.Default.QueryDetail)!;
}
