using System.Text.Json;
using System.Text.Json.Serialization;
using Npgsql;

namespace Halo.Bench.DirectApi;

/// <summary>The body that Halo takes.</summary>
sealed record Request(Command Command);

sealed record Command(string Text);

[JsonSerializable(typeof(Request))]
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
sealed partial class RequestJson : JsonSerializerContext;

/// <summary>A pooled connection, the command, and its rows as a JSON array of objects, the form in which Halo gives them.</summary>
static class Answering
{
    const int FlushBytes = 32 * 1024;

    public static async Task RunAsync(HttpContext http, NpgsqlDataSource database)
    {
        var request = await JsonSerializer.DeserializeAsync(http.Request.Body, RequestJson.Default.Request, http.RequestAborted);
        await using var connection = await database.OpenConnectionAsync(http.RequestAborted);
        await using var command = new NpgsqlCommand(request!.Command.Text, connection);
        await using var reader = await command.ExecuteReaderAsync(http.RequestAborted);
        http.Response.ContentType = "application/json; charset=utf-8";
        await using var json = new Utf8JsonWriter(http.Response.BodyWriter, new JsonWriterOptions { SkipValidation = true });
        var columns = new RowColumns(reader);
        json.WriteStartArray();
        long flushed = 0;
        while (await reader.ReadAsync(http.RequestAborted))
        {
            columns.WriteRow(reader, json);
            if (json.BytesCommitted + json.BytesPending - flushed < FlushBytes)
                continue;
            await json.FlushAsync(http.RequestAborted);
            flushed = json.BytesCommitted;
        }
        json.WriteEndArray();
        await json.FlushAsync(http.RequestAborted);
    }
}
