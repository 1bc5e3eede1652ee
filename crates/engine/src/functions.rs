//! SQL functions of ours.
//!
//! Policies may use all of them. Readers get the harmless ones and those that tell them who they
//! are, but never `token`: whoever can call it can try all 10^9 SSNs (ATTACKS.md, dictionary attack).

use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, Int32Array, Int64Array, StringArray, StringBuilder},
        compute::cast,
        datatypes::{DataType, Int64Type},
    },
    common::{Result as PlanResult, ScalarValue},
    logical_expr::{
        ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
    },
};
use lakeward_domain::{Code, Name, Requester, TokenKey};
use lakeward_keys::LakeKeys;
use lakeward_phi::transform;

use crate::error::Error;

type Rule = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// A function from text to text that cannot fail and keeps NULL as NULL.
#[derive(Clone)]
struct TextFunction {
    name: &'static str,
    rule: Rule,
    signature: Signature,
}

impl fmt::Debug for TextFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for TextFunction {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for TextFunction {}

impl Hash for TextFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl TextFunction {
    fn udf(
        name: &'static str,
        rule: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Arc<ScalarUDF> {
        Arc::new(ScalarUDF::from(Self {
            name,
            rule: Arc::new(rule),
            signature: Signature::string(1, Volatility::Immutable),
        }))
    }
}

/// Any string array as plain UTF-8.
fn text_array(array: &ArrayRef) -> PlanResult<StringArray> {
    Ok(cast(array, &DataType::Utf8)?.as_string::<i32>().clone())
}

/// Applies a rule once per run of equal neighbours; masks of sorted or repeated values are common.
fn apply(array: &StringArray, rule: &dyn Fn(&str) -> Option<String>) -> StringArray {
    let mut builder = StringBuilder::with_capacity(array.len(), array.len() * 8);
    let mut last: Option<(&str, Option<String>)> = None;
    for value in array {
        match value {
            None => builder.append_null(),
            Some(value) => {
                if last.as_ref().is_none_or(|(known, _)| *known != value) {
                    last = Some((value, rule(value)));
                }
                builder.append_option(last.as_ref().and_then(|(_, masked)| masked.as_deref()));
            }
        }
    }
    builder.finish()
}

fn to_value(array: ArrayRef, scalar: bool) -> PlanResult<ColumnarValue> {
    Ok(if scalar {
        ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?)
    } else {
        ColumnarValue::Array(array)
    })
}

fn first(args: &ScalarFunctionArgs) -> PlanResult<(ArrayRef, bool)> {
    let Some(value) = args.args.first() else {
        return Err(Error::new(Code::PlanError, "an argument is missing").into());
    };
    let scalar = matches!(value, ColumnarValue::Scalar(_));
    let rows = if scalar { 1 } else { args.number_rows };
    Ok((value.to_array(rows)?, scalar))
}

impl ScalarUDFImpl for TextFunction {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> PlanResult<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> PlanResult<ColumnarValue> {
        let (array, scalar) = first(&args)?;
        let masked = apply(&text_array(&array)?, self.rule.as_ref());
        to_value(Arc::new(masked), scalar)
    }
}

/// `hipaa_year(date | timestamp | text) -> INT` (45 CFR 164.514(b)(2)(i)(C)).
#[derive(Debug, PartialEq, Eq, Hash)]
struct HipaaYear(Signature);

impl ScalarUDFImpl for HipaaYear {
    fn name(&self) -> &'static str {
        "hipaa_year"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, _: &[DataType]) -> PlanResult<DataType> {
        Ok(DataType::Int32)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> PlanResult<ColumnarValue> {
        let (array, scalar) = first(&args)?;
        let years = match array.data_type() {
            DataType::Date32 | DataType::Date64 | DataType::Timestamp(_, _) => cast(
                &datafusion::arrow::compute::date_part(
                    &array,
                    datafusion::arrow::compute::DatePart::Year,
                )?,
                &DataType::Int32,
            )?,
            _ => {
                let text = text_array(&array)?;
                Arc::new(
                    text.iter()
                        .map(|t| t.and_then(transform::year_of))
                        .collect::<Int32Array>(),
                )
            }
        };
        to_value(years, scalar)
    }
}

/// `hipaa_age(age)`, of the argument's type: ages over 89 become 90 (45 CFR 164.514(b)(2)(i)(C)).
#[derive(Debug, PartialEq, Eq, Hash)]
struct HipaaAge(Signature);

impl ScalarUDFImpl for HipaaAge {
    fn name(&self) -> &'static str {
        "hipaa_age"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    /// The argument's own type, so that it masks a column of any width.
    fn return_type(&self, arguments: &[DataType]) -> PlanResult<DataType> {
        let own = arguments.first().filter(|t| t.is_signed_integer());
        Ok(own.cloned().unwrap_or(DataType::Int64))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> PlanResult<ColumnarValue> {
        let (array, scalar) = first(&args)?;
        let ages = cast(&array, &DataType::Int64)?;
        let capped: Int64Array = ages
            .as_primitive::<Int64Type>()
            .iter()
            .map(|age| age.map(|a| a.min(90)))
            .collect();
        to_value(cast(&capped, array.data_type())?, scalar)
    }
}

/// `token('domain', text)`: HMAC-SHA256 with the domain's key, so that tables still join.
#[derive(Clone)]
struct Token {
    keys: Arc<LakeKeys>,
    signature: Signature,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("token")
    }
}

impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.keys, &other.keys)
    }
}

impl Eq for Token {}

impl Hash for Token {
    fn hash<H: Hasher>(&self, state: &mut H) {
        "token".hash(state);
    }
}

impl ScalarUDFImpl for Token {
    fn name(&self) -> &'static str {
        "token"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> PlanResult<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> PlanResult<ColumnarValue> {
        let [ColumnarValue::Scalar(domain), value] = args.args.as_slice() else {
            return Err(Error::new(
                Code::PolicyInvalid,
                "token needs a literal domain and a text",
            )
            .into());
        };
        let Some(Some(domain)) = domain.try_as_str() else {
            return Err(Error::new(Code::PolicyInvalid, "token needs a literal domain").into());
        };
        let key: Arc<dyn TokenKey> = self.keys.token_key(domain);
        let scalar = matches!(value, ColumnarValue::Scalar(_));
        let rows = if scalar { 1 } else { args.number_rows };
        let text = text_array(&value.to_array(rows)?)?;
        let tokens = apply(&text, &|value| {
            // As ingest writes them, so that a token column joins with a token mask.
            let normal = transform::normalise(value, None)?;
            let token = key.token(normal.as_bytes());
            Some(
                token[..16]
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect(),
            )
        });
        to_value(Arc::new(tokens), scalar)
    }
}

/// A function of the requester: the answer is fixed for the statement.
#[derive(Debug, PartialEq, Eq, Hash)]
struct OfRequester {
    name: &'static str,
    answer: Answer,
    signature: Signature,
}

#[derive(Debug, PartialEq, Eq, Hash)]
enum Answer {
    Text(Option<String>),
    Member(Vec<Name>),
    Attribute(Vec<(String, String)>),
}

impl ScalarUDFImpl for OfRequester {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> PlanResult<DataType> {
        Ok(match self.answer {
            Answer::Member(_) => DataType::Boolean,
            Answer::Text(_) | Answer::Attribute(_) => DataType::Utf8,
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> PlanResult<ColumnarValue> {
        let argument = || -> PlanResult<Option<String>> {
            let (array, _) = first(&args)?;
            let text = text_array(&array)?;
            Ok((!text.is_empty() && text.is_valid(0)).then(|| text.value(0).to_lowercase()))
        };
        let value =
            match &self.answer {
                Answer::Text(text) => ScalarValue::Utf8(text.clone()),
                Answer::Member(groups) => ScalarValue::Boolean(
                    argument()?.map(|name| groups.iter().any(|g| g.as_str() == name)),
                ),
                Answer::Attribute(attributes) => {
                    let wanted = argument()?;
                    ScalarValue::Utf8(attributes.iter().find_map(|(key, value)| {
                        (Some(key) == wanted.as_ref()).then(|| value.clone())
                    }))
                }
            };
        Ok(ColumnarValue::Scalar(value))
    }
}

fn harmless() -> Vec<Arc<ScalarUDF>> {
    vec![
        TextFunction::udf("hipaa_zip3", |text| Some(lakeward_phi::zip3::zip3(text))),
        TextFunction::udf("mask_show_last_4", |text| {
            Some(transform::show_last_4(text))
        }),
        TextFunction::udf("mask_show_first_4", |text| {
            Some(transform::show_first_4(text))
        }),
        TextFunction::udf("mask_alphanum", |text| Some(transform::alphanum_mask(text))),
        Arc::new(ScalarUDF::from(HipaaYear(Signature::any(
            1,
            Volatility::Immutable,
        )))),
        Arc::new(ScalarUDF::from(HipaaAge(Signature::coercible_integers()))),
    ]
}

trait Integers {
    fn coercible_integers() -> Signature;
}

impl Integers for Signature {
    fn coercible_integers() -> Signature {
        Self::uniform(
            1,
            vec![
                DataType::Int64,
                DataType::Int32,
                DataType::Int16,
                DataType::Int8,
            ],
            Volatility::Immutable,
        )
    }
}

/// Functions that a policy's body may call.
pub(crate) fn for_policies(keys: &Arc<LakeKeys>) -> Vec<Arc<ScalarUDF>> {
    let mut all = datafusion_defaults();
    all.extend(harmless());
    all.push(Arc::new(ScalarUDF::from(Token {
        keys: Arc::clone(keys),
        signature: Signature::string(2, Volatility::Immutable),
    })));
    all
}

/// Functions that everybody may call.
pub(crate) fn for_readers() -> Vec<Arc<ScalarUDF>> {
    let mut all = datafusion_defaults();
    all.extend(harmless());
    all
}

#[expect(
    clippy::disallowed_methods,
    reason = "lists the functions of the builder, of which no session is made"
)]
fn datafusion_defaults() -> Vec<Arc<ScalarUDF>> {
    let mut builder = datafusion::execution::SessionStateBuilder::new().with_default_features();
    builder.scalar_functions().take().unwrap_or_default()
}

/// Functions that tell a requester who they are.
pub(crate) fn of_requester(requester: &Requester) -> Vec<Arc<ScalarUDF>> {
    let none = || Signature::nullary(Volatility::Stable);
    let one = || Signature::string(1, Volatility::Stable);
    let groups: Vec<Name> = requester
        .groups
        .iter()
        .map(|group| group.name.clone())
        .collect();
    let attributes: Vec<(String, String)> = requester
        .attributes
        .iter()
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    let attribute = |name: &str| requester.attribute(name).map(ToOwned::to_owned);
    let purpose = requester
        .purpose
        .as_ref()
        .map(|purpose| purpose.name.to_string());
    let me = || Answer::Text(Some(requester.name.to_string()));
    [
        ("current_user", me(), none()),
        ("session_user", me(), none()),
        (
            "current_clearance",
            Answer::Text(attribute("clearance")),
            none(),
        ),
        ("current_tenant", Answer::Text(attribute("tenant")), none()),
        ("current_purpose", Answer::Text(purpose), none()),
        ("is_member", Answer::Member(groups.clone()), one()),
        ("is_account_group_member", Answer::Member(groups), one()),
        ("current_attribute", Answer::Attribute(attributes), one()),
    ]
    .into_iter()
    .map(|(name, answer, signature)| {
        Arc::new(ScalarUDF::from(OfRequester {
            name,
            answer,
            signature,
        }))
    })
    .collect()
}
