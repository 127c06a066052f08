using System.Text.Json;
using Halo.Client.Rows;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;
using Halo.Data.Reading;
using ParameterDirection = System.Data.ParameterDirection;

namespace Halo.Data.Commands;

/// <summary>What the database left in output parameters, as values of .NET.</summary>
static class OutputValues
{
    /// <exception cref="InvalidCastException">A value does not fit its parameter's type.</exception>
    public static async Task SetAsync(HaloDbParameterCollection parameters, IReadOnlyList<OutputParameter>? values)
    {
        var outputs = parameters.All.Where(p => p.Direction != ParameterDirection.Input).ToList();
        for (var i = 0; i < Math.Min(outputs.Count, values?.Count ?? 0); i++)
            outputs[i].Value = await ValueAsync(values![i]);
    }

    /// <summary>As a value of a row is read: it has the same form.</summary>
    static async Task<object> ValueAsync(OutputParameter output)
    {
        if (output.Value is not { } text)
            return DBNull.Value;
        var json = JsonSerializer.SerializeToUtf8Bytes(text, HaloJson.Default.String);
        await using var rows = new RowReader(new MemoryStream([.. "[{\"value\":"u8, .. json, .. "}]"u8], writable: false));
        await rows.ReadAsync(default);
        if (output.Type is SqlType.Bit && text is "1" or "0")
            return text == "1";
        var column = new Field(new(output.Name, output.Type ?? SqlType.NVarChar, ""), FirstValue.None);
        try
        {
            return column.Read(rows.Row, 0);
        }
        catch (Client.HaloMappingException e)
        {
            throw new InvalidCastException($"The output parameter {output.Name} does not fit its type; the command was executed. {e.Message}", e);
        }
    }
}
