//! Members of an object: few in a row, many with an index, always in the order in which they came.

use indexmap::IndexMap;

use super::{Text, Value, fall};

/// Up to here, looking through all names is quicker than an index.
const FEW: usize = 16;

/// The seed is random for each process, so that nobody can choose names that collide.
type Seed = foldhash::fast::RandomState;

/// Names and values in the order in which they came. A name stands once.
#[derive(Clone, Debug, Default)]
pub struct Object(Members);

#[derive(Clone, Debug)]
enum Members {
    Few(Vec<(Text, Value)>),
    Many(IndexMap<Text, Value, Seed>),
}

impl Default for Members {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl Object {
    /// Without members.
    pub fn new() -> Self {
        Self::default()
    }

    /// With room for this many.
    pub fn with_capacity(members: usize) -> Self {
        match members {
            0..=FEW => Self(Members::Few(Vec::with_capacity(members))),
            // What a foreign length promises is not believed beyond reason.
            _ => Self(Members::Many(IndexMap::with_capacity_and_hasher(
                members.min(4096),
                Seed::default(),
            ))),
        }
    }

    /// These members, whose names the caller knows to be distinct.
    pub fn from_distinct(members: Vec<(Text, Value)>) -> Self {
        match members.len() {
            0..=FEW => Self(Members::Few(members)),
            _ => Self(Members::Many(members.into_iter().collect())),
        }
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Members::Few(few) => few.len(),
            Members::Many(many) => many.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Set a member. The place of a name that was there stays, its old value is given back.
    pub fn insert(&mut self, name: Text, value: Value) -> Option<Value> {
        match &mut self.0 {
            Members::Few(few) => {
                if let Some((_, old)) = few.iter_mut().find(|(known, _)| *known == name) {
                    return Some(std::mem::replace(old, value));
                }
                few.push((name, value));
                if few.len() > FEW {
                    self.0 = Members::Many(std::mem::take(few).into_iter().collect());
                }
                None
            }
            Members::Many(many) => many.insert(name, value),
        }
    }

    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        match &self.0 {
            Members::Few(few) => few
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value),
            Members::Many(many) => many.get(name),
        }
    }

    /// The value of a name, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        match &mut self.0 {
            Members::Few(few) => few
                .iter_mut()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value),
            Members::Many(many) => many.get_mut(name),
        }
    }

    /// Take a member out; those behind it move up.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        match &mut self.0 {
            Members::Few(few) => {
                let at = few.iter().position(|(known, _)| known == name)?;
                Some(few.remove(at).1)
            }
            Members::Many(many) => many.shift_remove(name),
        }
    }

    /// The member at a place.
    pub fn at(&self, place: usize) -> Option<(&Text, &Value)> {
        match &self.0 {
            Members::Few(few) => few.get(place).map(|(name, value)| (name, value)),
            Members::Many(many) => many.get_index(place),
        }
    }

    /// All members in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Text, &Value)> + '_ {
        (0..self.len()).map(|place| self.at(place).expect("a place below the length"))
    }

    /// The places of the members in the order of their names.
    pub(crate) fn sorted(&self) -> Vec<usize> {
        let names: Vec<&Text> = self.keys().collect();
        let mut order: Vec<usize> = (0..names.len()).collect();
        order.sort_by_key(|place| names[*place]);
        order
    }

    /// All names in order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &Text> + '_ {
        self.iter().map(|(name, _)| name)
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        match &mut self.0 {
            Members::Few(few) if few.iter().any(|(_, value)| fall::is_nested(value)) => {
                fall::apart(std::mem::take(few).into_iter().map(|(_, value)| value));
            }
            Members::Many(many) if many.values().any(fall::is_nested) => {
                fall::apart(std::mem::take(many).into_values());
            }
            _ => {}
        }
    }
}

impl IntoIterator for Object {
    type Item = (Text, Value);
    type IntoIter = std::vec::IntoIter<(Text, Value)>;

    fn into_iter(mut self) -> Self::IntoIter {
        match std::mem::take(&mut self.0) {
            Members::Few(few) => few.into_iter(),
            Members::Many(many) => many.into_iter().collect::<Vec<_>>().into_iter(),
        }
    }
}

impl FromIterator<(Text, Value)> for Object {
    fn from_iter<I: IntoIterator<Item = (Text, Value)>>(members: I) -> Self {
        let mut object = Self::new();
        for (name, value) in members {
            object.insert(name, value);
        }
        object
    }
}

impl PartialEq for Object {
    /// The order of members does not count.
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self
                .iter()
                .all(|(name, value)| other.get(name) == Some(value))
    }
}
