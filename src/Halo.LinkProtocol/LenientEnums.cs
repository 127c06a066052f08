using System.Text.Json;
using System.Text.Json.Serialization;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;
using Halo.LinkProtocol.Messages;

namespace Halo.LinkProtocol;

/// <summary>Reads a word that a newer end may have added as the member that stands for it; all else is as the contract has it.</summary>
/// <param name="words">How the contract reads and writes it.</param>
/// <param name="unknown">Stands for every word that is not known here.</param>
public abstract class LenientEnumConverter<T>(JsonConverterFactory words, T unknown) : JsonConverter<T>
    where T : struct, Enum
{
    readonly JsonConverter<T> _words = (JsonConverter<T>)words.CreateConverter(typeof(T), JsonSerializerOptions.Default)!;

    /// <inheritdoc/>
    public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        LenientEnums.TryRead(_words, ref reader, options, out var value) ? value : unknown;

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) => _words.Write(writer, value, options);
}

/// <summary>Likewise where there is no such member: null stands for the unknown.</summary>
public abstract class LenientEnumOrNullConverter<T>(JsonConverterFactory words) : JsonConverter<T?>
    where T : struct, Enum
{
    readonly JsonConverter<T> _words = (JsonConverter<T>)words.CreateConverter(typeof(T), JsonSerializerOptions.Default)!;

    /// <inheritdoc/>
    public override T? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        LenientEnums.TryRead(_words, ref reader, options, out var value) ? value : null;

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, T? value, JsonSerializerOptions options)
    {
        if (value is { } known)
            _words.Write(writer, known, options);
        else
            writer.WriteNullValue();
    }
}

/// <summary>A command is read strictly, as from an integrator: nothing in it may be guessed.</summary>
public sealed class LineCommandConverter : JsonConverter<QueryCommand>
{
    /// <inheritdoc/>
    public override QueryCommand? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        JsonSerializer.Deserialize(ref reader, HaloJson.Default.QueryCommand);

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, QueryCommand value, JsonSerializerOptions options) =>
        JsonSerializer.Serialize(writer, value, HaloJson.Default.QueryCommand);
}

static class LenientEnums
{
    public static bool TryRead<T>(JsonConverter<T> words, ref Utf8JsonReader reader, JsonSerializerOptions options, out T value)
        where T : struct, Enum
    {
        try
        {
            value = words.Read(ref reader, typeof(T), options);
            return true;
        }
        catch (JsonException) when (reader.TokenType == JsonTokenType.String)
        {
            value = default;
            return false;
        }
    }
}

sealed class ReportKindWords() : LenientEnumConverter<ReportKind>(new CamelCaseEnumConverter<ReportKind>(), ReportKind.Unknown);

sealed class EndingWords() : LenientEnumConverter<Ending>(new CamelCaseEnumConverter<Ending>(), Ending.Unknown);

sealed class ClaimPhaseWords() : LenientEnumConverter<ClaimPhase>(new CamelCaseEnumConverter<ClaimPhase>(), ClaimPhase.Unknown);

sealed class VerdictWords() : LenientEnumConverter<Verdict>(new CamelCaseEnumConverter<Verdict>(), Verdict.Unknown);

sealed class UpdateStageWords() : LenientEnumConverter<UpdateStage>(new CamelCaseEnumConverter<UpdateStage>(), UpdateStage.Unknown);

sealed class UpdateOutcomeWords() : LenientEnumConverter<UpdateOutcome>(new CamelCaseEnumConverter<UpdateOutcome>(), UpdateOutcome.Unknown);

sealed class ExecutedWords() : LenientEnumConverter<Executed>(new CamelCaseEnumConverter<Executed>(), Executed.Unknown);

sealed class DatabaseStatusWords() : LenientEnumConverter<DatabaseStatus>(new CamelCaseEnumConverter<DatabaseStatus>(), DatabaseStatus.Unknown);

sealed class ParameterDirectionWords()
    : LenientEnumConverter<ParameterDirection>(new CamelCaseEnumConverter<ParameterDirection>(), ParameterDirection.Output);

sealed class QueryStatusWords() : LenientEnumOrNullConverter<QueryStatus>(new CamelCaseEnumConverter<QueryStatus>());

sealed class SqlTypeWords() : LenientEnumOrNullConverter<SqlType>(new NamedEnumConverter<SqlType>());
